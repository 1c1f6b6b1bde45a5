"""What operators write into nginx for a hub, and what is right to say of it: every check passes unless `expected` names it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One host: `files` below /etc/nginx (a text `-> TARGET` is a link), what is not passed, and texts that its reasons hold."""

    name: str
    files: Mapping[str, str]
    expected: Mapping[str, str] = dataclasses.field(default_factory=dict)
    words: tuple[str, ...] = ()
    expect: str = ""
    """More lines of readiness.toml's table [expect]."""
    port: int = 443
    """The port that shows that nginx has started."""


AUTH: Final = {"api-requires-authentication": "failed"}
"""nginx asks nobody who they are in most cases here, and the hub does not either: that is rightly said."""
ZONE: Final = "limit_req_zone $binary_remote_addr zone=hub:10m rate=10r/s;\nlimit_req_status 429;\n"
REDIRECT: Final = (
    "server {\n    listen 80;\n    server_name hub.example.com;\n    return 301 https://$host$request_uri;\n}\n"
)
CERT: Final = (
    "    ssl_certificate /etc/letsencrypt/live/hub.example.com/fullchain.pem;\n"
    "    ssl_certificate_key /etc/letsencrypt/live/hub.example.com/privkey.pem;\n"
)
MODERN: Final = "    ssl_protocols TLSv1.2 TLSv1.3;\n"
HEADERS: Final = (
    "    server_tokens off;\n"
    '    add_header Strict-Transport-Security "max-age=31536000" always;\n'
    "    add_header X-Content-Type-Options nosniff always;\n"
)
LIMIT: Final = "    limit_req zone=hub burst=20 nodelay;\n"
STREAM: Final = (
    "        proxy_http_version 1.1;\n"
    "        proxy_set_header Host $host;\n"
    '        proxy_set_header Connection "";\n'
    "        proxy_buffering off;\n"
    "        proxy_read_timeout 1h;\n"
)
PASS: Final = f"        proxy_pass http://127.0.0.1:7000;\n{STREAM}"
HUB: Final = f"    location / {{\n{PASS}    }}\n"


def tls(body: str = HUB, *, listen: str = "listen 443 ssl;", protocols: str = MODERN, limit: str = LIMIT) -> str:
    """The server of TLS, with `body` for its locations."""
    return f"server {{\n    {listen}\n    server_name hub.example.com;\n{CERT}{protocols}{HEADERS}{limit}{body}}}\n"


def conf(*parts: str, **more: str) -> dict[str, str]:
    """One file in conf.d, and others by their names below /etc/nginx."""
    return {"conf.d/hub.conf": "".join(parts)} | more


GOOD: Final = ZONE + REDIRECT + tls()
MESSAGES: Final = f"    location ~ ^/(mcp|messages)$ {{\n{PASS}    }}\n    location / {{ return 404; }}\n"

GIVEN: Final = (
    Case(name="p00-good", files=conf(GOOD)),
    Case(
        name="p01-certbot-include",
        files=conf(
            ZONE, REDIRECT, tls(protocols="    include /etc/letsencrypt/options-ssl-nginx.conf; # managed by Certbot\n")
        )
        | {
            "/etc/letsencrypt/options-ssl-nginx.conf": "ssl_session_cache shared:le:10m;\nssl_protocols TLSv1.2 TLSv1.3;\n"
        },
    ),
    Case(
        name="p03-only-mcp",
        files=conf(ZONE, REDIRECT, tls(MESSAGES)),
        expected={"api-requires-authentication": "passed"},
    ),
    Case(
        name="p04-include-outside",
        files={"conf.d/include.conf": "include /opt/hub-case/nginx/*.conf;\n", "/opt/hub-case/nginx/hub.conf": GOOD},
    ),
    Case(
        name="p07-map-key",
        files=conf(
            "geo $monitoring { default 0; 10.9.0.0/16 1; }\n"
            'map $monitoring $limit_key { 0 $binary_remote_addr; 1 ""; }\n',
            GOOD.replace("$binary_remote_addr zone", "$limit_key zone"),
        ),
    ),
    Case(
        name="p15-named-group",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                f"    location ~ ^/(?<area>api|mcp|messages)(?:/|$) {{\n{PASS}    }}\n    location / {{ return 404; }}\n"
            ),
        ),
    ),
    Case(
        name="p21-one-server-scheme",
        files=conf(
            ZONE,
            tls(
                '    if ($scheme != "https") {\n        return 301 https://$host$request_uri;\n    } # managed by Certbot\n'
                + HUB,
                listen="listen 80;\n    listen 443 ssl;",
            ),
        ),
    ),
    Case(
        name="p22-server-return-first",
        files=conf(ZONE, REDIRECT.replace("request_uri;\n", f"request_uri;\n{HUB}"), tls()),
    ),
    Case(
        name="p23-loopback-plain",
        files=conf(GOOD, f"server {{\n    listen 127.0.0.1:8081;\n    access_log off;\n{LIMIT}{HUB}}}\n"),
    ),
    Case(
        name="p27-xff-key",
        files=conf(GOOD.replace("$binary_remote_addr zone", "$http_x_forwarded_for zone")),
        expected={"proxy-limits-request-rates": "failed", "rate-limit-answers-429": "failed"},
        words=("$http_x_forwarded_for",),
    ),
    Case(
        name="p29-cors-on-api-only",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                f"    location = /api/health {{\n{PASS}    }}\n    location / {{\n"
                "        add_header Access-Control-Allow-Origin $http_origin always;\n"
                f"        add_header Access-Control-Allow-Credentials true always;\n{PASS}    }}\n"
            ),
        ),
        expected={"cors-is-restricted": "failed"},
        words=("allows any origin",),
    ),
    Case(
        name="p32-default-site-404",
        files=conf(ZONE, tls())
        | {
            "sites-enabled/default": "server {\n    listen 80 default_server;\n    server_name _;\n    return 404;\n}\n"
        },
    ),
)
ONLY_SITE: Final = "    location / {\n        try_files $uri @hub;\n    }\n    location @hub {\n" + PASS + "    }\n"
UNLIMITED: Final = {"proxy-limits-request-rates": "failed", "rate-limit-answers-429": "failed"}
LOOPBACK_TLS: Final = "listen 127.0.0.1:8443 ssl;"
OWN_ZONE: Final = "limit_req_zone $binary_remote_addr zone=hub:10m rate=10r/s;"


def keyed(key: str, above: str = "") -> dict[str, str]:
    """The good site with another key of its limit."""
    return conf(above, GOOD.replace("$binary_remote_addr zone", f"{key} zone"))


def passed_if(condition: str) -> str:
    """One server for both ports, which goes on to https under a condition."""
    return tls(
        f"    if ({condition}) {{ return 301 https://$host$request_uri; }}\n{HUB}",
        listen="listen 80;\n    listen 443 ssl;",
    )


HEALTHY: Final = (
    Case(
        name="debian-sites-enabled-link",
        files={"sites-available/hub": GOOD, "sites-enabled/hub": "-> /etc/nginx/sites-available/hub"},
    ),
    Case(
        name="debian-relative-link",
        files={"sites-available/hub.conf": GOOD, "sites-enabled/10-hub": "-> ../sites-available/hub.conf"},
    ),
    Case(
        name="certbot-managed-redirect",
        files=conf(
            ZONE,
            tls(listen="listen 443 ssl; # managed by Certbot"),
            "server {\n    if ($host = hub.example.com) {\n        return 301 https://$host$request_uri;\n    } # managed by Certbot\n"
            "    listen 80;\n    server_name hub.example.com;\n    return 404; # managed by Certbot\n}\n",
        ),
    ),
    Case(
        name="certbot-options-and-dhparam",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                protocols="    include /etc/letsencrypt/options-ssl-nginx.conf;\n    include snippets/hub-headers.conf;\n"
            ),
        )
        | {
            "/etc/letsencrypt/options-ssl-nginx.conf": "ssl_session_timeout 1440m;\nssl_protocols TLSv1.2 TLSv1.3;\n",
            "snippets/hub-headers.conf": "client_max_body_size 4m;\n",
        },
    ),
    Case(
        name="acme-challenge-beside-the-redirect",
        files=conf(
            ZONE,
            "server {\n    listen 80;\n    listen [::]:80;\n    server_name hub.example.com;\n"
            "    location /.well-known/acme-challenge/ { root /var/www/html; }\n"
            "    location / { return 301 https://$host$request_uri; }\n}\n",
            tls(listen="listen 443 ssl;\n    listen [::]:443 ssl;"),
        ),
    ),
    Case(
        name="proxy-manager",
        files=conf(
            ZONE,
            tls(
                '    set $forward_scheme http;\n    set $server "127.0.0.1";\n    set $port 7000;\n'
                "    include conf.d/include/force-ssl.conf;\n"
                "    location / {\n        include conf.d/include/proxy.conf;\n    }\n",
                listen="listen 80;\n    listen 443 ssl;",
            ),
        )
        | {
            "conf.d/include/force-ssl.conf": 'if ($scheme = "http") {\n    return 301 https://$host$request_uri;\n}\n',
            "conf.d/include/proxy.conf": f"proxy_pass $forward_scheme://$server:$port$request_uri;\n{STREAM}",
        },
    ),
    Case(
        name="ansible-vhosts",
        files=conf(
            "upstream hub {\n    server 127.0.0.1:7000;\n    keepalive 16;\n}\n",
            ZONE,
            "server {\n    listen 80;\n    server_name hub.example.com;\n    rewrite ^ https://hub.example.com$request_uri? permanent;\n}\n",
            tls(HUB.replace("127.0.0.1:7000", "hub")),
        ),
    ),
    Case(
        name="docker-conf-d-resolver",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                "    resolver 127.0.0.11 valid=10s;\n    location / {\n        set $upstream 127.0.0.1:7000;\n"
                f"        proxy_pass http://$upstream;\n{STREAM}    }}\n"
            ),
        ),
    ),
    Case(
        name="docker-map-upgrade",
        files=conf(
            "map $http_upgrade $connection_upgrade {\n    default upgrade;\n    '' '';\n}\n",
            ZONE,
            REDIRECT,
            tls(HUB.replace('Connection ""', "Connection $connection_upgrade")),
        ),
    ),
    Case(
        name="map-decides-the-upstream",
        files=conf(
            "map $http_x_canary $backend {\n    default 127.0.0.1:7000;\n    yes 127.0.0.1:7001;\n}\n",
            ZONE,
            REDIRECT,
            tls(HUB.replace("127.0.0.1:7000", "$backend")),
        ),
    ),
    Case(
        name="include-glob-of-locations",
        files=conf(ZONE, REDIRECT, tls("    include hub.d/*.conf;\n"))
        | {
            "hub.d/10-api.conf": f"location /api/ {{\n{PASS}}}\n",
            "hub.d/20-mcp.conf": f"location ~ ^/(mcp|messages) {{\n{PASS}}}\n",
        },
    ),
    Case(
        name="protocols-in-http",
        files=conf(ZONE, REDIRECT, tls(protocols="")),
    ),
    Case(
        name="protocols-of-a-server-that-does-not-decide",
        files=conf(
            "server {\n    listen 443 ssl default_server;\n    server_name _;\n"
            + CERT
            + MODERN
            + "    return 444;\n}\n",
            ZONE,
            REDIRECT,
            tls(protocols="    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\n"),
        ),
    ),
    Case(name="key-with-the-uri", files=keyed("$binary_remote_addr$uri")),
    Case(name="key-of-the-true-address", files=keyed("$realip_remote_addr")),
    Case(
        name="key-from-a-geo-allowlist",
        files=keyed(
            "$limit",
            "geo $limited {\n    default 1;\n    10.0.0.0/8 0;\n}\nmap $limited $limit {\n    0 '';\n    1 $binary_remote_addr;\n}\n",
        ),
    ),
    Case(
        name="key-from-a-token-else-the-address",
        files=keyed("$limit", "map $remote_addr $limit {\n    default $binary_remote_addr;\n    127.0.0.1 '';\n}\n"),
    ),
    Case(
        name="address-from-a-narrow-proxy",
        files=conf("set_real_ip_from 10.20.0.0/16;\nreal_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n", GOOD),
    ),
    Case(name="scheme-variable", files=conf(ZONE, passed_if("$scheme = http"))),
    Case(name="https-variable", files=conf(ZONE, passed_if("$https != on"))),
    Case(name="port-variable", files=conf(ZONE, passed_if("$server_port = 80"))),
    Case(name="named-location-by-try-files", files=conf(ZONE, REDIRECT, tls(ONLY_SITE))),
    Case(
        name="named-location-by-error-page",
        files=conf(
            ZONE,
            REDIRECT,
            tls("    error_page 418 = @hub;\n    location / { return 418; }\n    location @hub {\n" + PASS + "    }\n"),
        ),
    ),
    Case(
        name="named-location-by-error-page-of-a-file",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                "    root /var/www/none;\n    location / { error_page 404 = @hub; log_not_found off; }\n    location @hub {\n"
                + PASS
                + "    }\n"
            ),
        ),
    ),
    Case(
        name="nested-locations",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                f"    location /api/ {{\n{PASS}        location /api/events {{\n{PASS}        }}\n    }}\n    location ~ ^/(mcp|messages) {{\n{PASS}    }}\n"
            ),
        ),
    ),
    Case(
        name="exact-health-without-a-log",
        files=conf(ZONE, REDIRECT, tls(f"    location = /api/health {{\n        access_log off;\n{PASS}    }}\n{HUB}")),
    ),
    Case(
        name="rewrite-last",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                f"    location = /mcp/ {{ rewrite ^ /mcp last; }}\n    location /health {{ rewrite ^ /api/health last; }}\n{HUB}"
            ),
        ),
    ),
    Case(
        name="admin-routes-denied",
        files=conf(
            ZONE, REDIRECT, tls(f"    location ~ ^/api/(config|restart|hard-restart|servers/) {{ deny all; }}\n{HUB}")
        ),
    ),
    Case(
        name="api-denied",
        files=conf(ZONE, REDIRECT, tls(f"    location /api/ {{ deny all; }}\n{HUB}")),
        expected={"api-requires-authentication": "passed"},
    ),
    Case(
        name="api-behind-a-password-of-the-proxy",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                f"    location /api/ {{\n        auth_basic hub;\n        auth_basic_user_file /etc/nginx/htpasswd;\n{PASS}    }}\n{HUB}"
            ),
        )
        | {"htpasswd": "nobody:x\n"},
        expected={
            "api-requires-authentication": "passed",
            "proxy-forwards-to-the-hub": "unknown",
            "proxy-streams-events": "unknown",
        },
    ),
    Case(
        name="api-behind-auth-request",
        files=conf(
            ZONE,
            REDIRECT,
            tls(
                f"    location = /_auth {{\n        internal;\n        return 401;\n    }}\n    location /api/ {{\n        auth_request /_auth;\n{PASS}    }}\n{HUB}"
            ),
        ),
        expected={
            "api-requires-authentication": "passed",
            "proxy-forwards-to-the-hub": "unknown",
            "proxy-streams-events": "unknown",
        },
    ),
    Case(
        name="loopback-of-ipv6-and-a-socket",
        files=conf(GOOD, f"server {{\n    listen [::1]:8081;\n    listen unix:/run/hub.sock;\n{LIMIT}{HUB}}}\n"),
    ),
    Case(
        name="status-page-on-loopback",
        files=conf(GOOD, "server {\n    listen 127.0.0.1:8081;\n    location /nginx_status { stub_status; }\n}\n"),
    ),
    Case(
        name="two-proxies-on-one-host",
        files=conf(
            ZONE,
            REDIRECT,
            tls(HUB.replace("127.0.0.1:7000", "127.0.0.1:8090")),
            f"server {{\n    listen 127.0.0.1:8090;\n{HUB}}}\n",
        ),
        expected={"proxy-limits-request-rates": "unknown"},
    ),
    Case(
        name="default-site-that-hangs-up",
        files=conf(
            "server {\n    listen 80 default_server;\n    listen 443 ssl default_server;\n    server_name _;\n"
            + CERT
            + MODERN
            + "    return 444;\n}\n",
            GOOD,
        ),
    ),
    Case(
        name="debian-default-site",
        files=conf(ZONE, tls())
        | {
            "sites-enabled/default": "server {\n    listen 80 default_server;\n    root /var/www/html;\n    index index.html;\n    location / { try_files $uri $uri/ =404; }\n}\n"
        },
    ),
    Case(
        name="another-site-on-port-80",
        files=conf(
            GOOD,
            "server {\n    listen 80;\n    server_name blog.example.com;\n    location / { proxy_pass http://127.0.0.1:9; }\n}\n",
        ),
    ),
    Case(name="https-alone", files=conf(ZONE, tls())),
    Case(
        name="hub-by-another-upstream-and-backup",
        files=conf(
            "upstream mcp {\n    zone mcp 64k;\n    server 127.0.0.1:7000 max_fails=0;\n    server 127.0.0.1:7001 backup;\n}\n",
            ZONE,
            REDIRECT,
            tls(HUB.replace("127.0.0.1:7000", "mcp")),
        ),
    ),
    Case(
        name="limit-in-the-location",
        files=conf(
            ZONE,
            REDIRECT,
            tls(f"    location / {{\n        limit_req zone=hub burst=20 nodelay;\n{PASS}    }}\n", limit=""),
        ),
    ),
    Case(
        name="two-limits",
        files=conf(
            "limit_req_zone $server_name zone=all:1m rate=500r/s;\n",
            ZONE,
            REDIRECT,
            tls(limit=LIMIT + "    limit_req zone=all burst=500 nodelay;\n"),
        ),
    ),
    Case(
        name="buffering-off-by-http",
        files=conf(
            "proxy_buffering off;\nproxy_http_version 1.1;\nproxy_read_timeout 1h;\n",
            ZONE,
            REDIRECT,
            tls("    location / { proxy_pass http://127.0.0.1:7000; }\n"),
        ),
    ),
)
FAULTY: Final = (
    Case(
        name="key-of-a-client-header",
        files=keyed("$http_x_real_ip"),
        expected=UNLIMITED | {"rate-limit-answers-429": "failed"},
        words=("$http_x_real_ip",),
    ),
    Case(
        name="key-of-a-mapped-header",
        files=keyed(
            "$limit",
            "map $http_x_forwarded_for $limit {\n    default $http_x_forwarded_for;\n    '' $binary_remote_addr;\n}\n",
        ),
        expected={"proxy-limits-request-rates": "failed"},
        words=("may choose",),
    ),
    Case(
        name="key-of-a-header-captured-by-a-map",
        files=keyed(
            "$client",
            'map $http_x_forwarded_for $client {\n    default $binary_remote_addr;\n    "~^(?<first>[^,]+)" $first;\n}\n',
        ),
        expected={"proxy-limits-request-rates": "failed"},
        words=("may choose",),
    ),
    Case(
        name="everybody-may-set-the-address",
        files=conf("set_real_ip_from 0.0.0.0/0;\nreal_ip_header X-Forwarded-For;\n", GOOD),
        expected={"proxy-limits-request-rates": "failed"},
        words=("may choose",),
    ),
    Case(
        name="everybody-in-halves",
        files=conf("set_real_ip_from 0.0.0.0/1;\nset_real_ip_from 128.0.0.0/1;\nreal_ip_header X-Real-IP;\n", GOOD),
        expected={"proxy-limits-request-rates": "failed"},
        words=("may choose",),
    ),
    Case(
        name="one-limit-for-all",
        files=keyed("$server_name"),
        expected={"proxy-limits-request-rates": "failed"},
        words=("share one limit",),
    ),
    Case(name="no-limit", files=conf(GOOD.replace(LIMIT, "")), expected=UNLIMITED, words=("is not limited",)),
    Case(
        name="limit-that-only-watches",
        files=conf("limit_req_dry_run on;\n", GOOD),
        expected=UNLIMITED,
        words=("dry_run",),
    ),
    Case(
        name="plain-port-beside",
        files=conf(GOOD, f"server {{\n    listen 8080;\n    server_name hub.example.com;\n{LIMIT}{HUB}}}\n"),
        expected={"proxy-terminates-tls": "failed"},
        words=("8080", "curl"),
    ),
    Case(
        name="plain-port-80",
        files=conf(ZONE, tls(listen="listen 80;\n    listen 443 ssl;")),
        expected={"proxy-terminates-tls": "failed", "proxy-redirects-to-https": "failed"},
        words=("curl",),
    ),
    Case(
        name="plain-under-another-name",
        files=conf(GOOD, f"server {{\n    listen 80;\n    server_name old.example.com;\n{LIMIT}{HUB}}}\n"),
        expected={"proxy-terminates-tls": "failed"},
        words=("old.example.com",),
    ),
    Case(
        name="agents-in-plain",
        files=conf(ZONE, f"server {{\n    listen 80;\n    server_name hub.example.com;\n{LIMIT}{MESSAGES}}}\n", tls()),
        expected={"proxy-terminates-tls": "failed", "proxy-redirects-to-https": "failed"},
    ),
    Case(
        name="messages-not-passed-on",
        files=conf(ZONE, REDIRECT, tls(MESSAGES.replace("mcp|messages", "api/.*|mcp"))),
        expected={"proxy-forwards-to-the-hub": "failed"},
        words=("/messages",),
    ),
    Case(
        name="everything-refused",
        files=conf(ZONE, REDIRECT, tls("    location / { return 404; }\n")),
        expected={
            "proxy-forwards-to-the-hub": "failed",
            "proxy-streams-events": "unknown",
            "proxy-limits-request-rates": "unknown",
            "api-requires-authentication": "unknown",
            "rate-limit-answers-429": "failed",
        },
    ),
    Case(
        name="buffered",
        files=conf(ZONE, REDIRECT, tls(HUB.replace("        proxy_buffering off;\n", ""))),
        expected={"proxy-streams-events": "failed"},
        words=("buffered",),
    ),
    Case(
        name="cors-for-agents-alone",
        files=conf(
            ZONE,
            REDIRECT,
            tls(f"    location /mcp {{\n        add_header Access-Control-Allow-Origin * always;\n{PASS}    }}\n{HUB}"),
        ),
        expected={"cors-is-restricted": "failed"},
        words=("/mcp allows any origin",),
    ),
    Case(
        name="old-protocols",
        files=conf(
            ZONE,
            REDIRECT,
            tls(protocols="    ssl_protocols TLSv1 TLSv1.1 TLSv1.2;\n    ssl_ciphers ALL:@SECLEVEL=0;\n"),
        ),
        expected={"tls-is-modern": "failed"},
        words=("-tls1 -cipher",),
    ),
)
CASES: Final = tuple(
    dataclasses.replace(case, expected={**AUTH, **case.expected}) for case in (*GIVEN, *HEALTHY, *FAULTY)
)
