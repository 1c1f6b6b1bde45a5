"""The questions about the hub's unit as shell scripts: the host looks for the unit itself, in every one of them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from readiness.config import Config

FALLBACK: Final = "mcp-hub"
"""What a unit of the hub names where neither the unit nor the release is told."""
PROPERTIES: Final = (
    "LoadState,ActiveState,SubState,Result,UnitFileState,UnitFilePreset,NRestarts,MainPID,ExecMainCode,ExecMainStatus,"
    "ActiveEnterTimestampMonotonic,NeedDaemonReload,Restart,User,DynamicUser,NoNewPrivileges,ProtectSystem,ProtectHome,"
    "PrivateTmp,LimitNOFILE,LimitNOFILESoft,TimeoutStopUSec,KillSignal,KillMode,MemoryMax,Environment,StandardOutput,"
    "StandardError,StateDirectory,LogsDirectory,CacheDirectory,ReadWritePaths,FragmentPath,ControlGroup,Type,BindPaths,"
    "BindReadOnlyPaths,InaccessiblePaths,MemoryDenyWriteExecute,PrivateNetwork,IPAddressDeny,IPAddressAllow,RestrictAddressFamilies"
)
FIND: Final = r"""
told=$1 release=$2 seen= N=
F='/etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system'
P=
case $told in
  /*) P=$told ;;
  # a unit that the release brings along counts as it was installed
  */*) for d in $F; do if [ -e "$d/${told##*/}" ]; then P=$d/${told##*/}; break; fi; done
      [ -n "$P" ] || P=$release/$told ;;
  ?*) case $told in *.service) ;; *) told=$told.service ;; esac
      # a name with an instance, hub@7000.service, is made from hub@.service
      for t in "$told" "${told%%@*}@.service"; do
        for d in $F; do if [ -z "$P" ] && { [ -e "$d/$t" ] || [ -h "$d/$t" ]; }; then P=$d/$t N=$told; fi; done
        case $told in *@*) ;; *) break ;; esac
      done
      if [ -z "$P" ] && [ -n "$release" ] && [ -f "$release/$told" ]; then P=$release/$told; fi
      [ -n "$P" ] || P=/etc/systemd/system/$told ;;
  *) seen= n=0
     for d in $F; do
       # two searches a folder, however many units it holds
       for f in $(grep -l -s -F -e "$3" "$d"/*.service; [ -z "$release" ] || grep -l -s -x -F -e "WorkingDirectory=$release" "$d"/*.service); do
         case " $seen " in *" ${f##*/} "*) continue ;; esac
         [ -f "$f" ] && seen="$seen ${f##*/}" n=$((n+1)) P=$f
       done
     done
     [ $n -eq 1 ] || P= ;;
esac
[ -n "$N" ] || N=${P##*/}
"""
"""Sets P, the unit's path, and N, its name; both empty where it cannot be told. Told: the unit, the release, what to look for."""
NAME: Final = r"""
[ -d /run/systemd/system ] && printf 'booted yes\n' || printf 'booted no\n'
read -r first </proc/1/comm; printf 'first %s\n' "$first"
printf 'path %s\n' "$P"
printf 'name %s\n' "$N"
printf 'seen %s\n' "$seen"
"""
FILES: Final = r"""
[ -n "$P" ] || exit 0
put() {
  printf '@file %s %s\n' "$(printf %s "$1" | base64 -w0)" "$(readlink -f "$1" | base64 -w0)"
  head -c 65536 "$1" | sed 's/^/|/'; printf '\n'
}
if [ -e "$P" ] || [ -h "$P" ]; then put "$P"; fi
for d in $F "${P%/*}"; do for f in "$d/$N.d"/*.conf "$d/${P##*/}.d"/*.conf "$d/service.d"/*.conf; do [ -f "$f" ] && put "$f"; done; done
true
"""
SHOW: Final = r"""
[ -n "$N" ] || exit 1
systemctl show --no-pager -p "$4" -- "$N"
"""
ENABLED: Final = '[ -n "$N" ] || exit 1; systemctl is-enabled -- "$N" || [ $? -lt 100 ]'
VERIFY: Final = '[ -n "$P" ] || exit 1; systemd-analyze verify --man=no "$P"'
SECURITY: Final = r"""
[ -n "$P" ] || exit 1
systemd-analyze security --offline=true --no-pager "$P" | tail -n 2 | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\).*/\1/p'
"""


def arguments(config: Config) -> tuple[str, str, str]:
    """The arguments of FIND."""
    release = "" if config.target.release is None else str(config.target.release)
    return config.target.unit or "", release, f"{release}/" if release else FALLBACK
