"""The sample release: a small but complete release tree of a hub, with none of the gaps a first deployment has."""

from readiness.demo.release.maker import Sample, back_up, make, sample

__all__ = ["Sample", "back_up", "make", "sample"]
