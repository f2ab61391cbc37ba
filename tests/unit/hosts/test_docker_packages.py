# SPDX-FileCopyrightText: 2026 raywright.fleet contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages are installed and removed, for every Engine that may be there already."""

import pytest

from plugins.module_utils import _docker_packages as packages
from plugins.module_utils._host import Distribution, HostError

BOOKWORM = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
TRIXIE = 'ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\n'
NOBLE = 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n'
DEBIANS = ["docker.io"]
OFFICIAL = list(packages.DOCKERS_OWN)
CE = {
    "docker-ce": "5:28.5.1-1~debian.12~bookworm",
    "docker-ce-cli": "5:28.5.1-1~debian.12~bookworm",
    "containerd.io": "1.7",
}
IO = {"docker.io": "20.10.24+dfsg1-1+deb12u1", "containerd": "1.6.20", "runc": "1.1.5"}


def plan(names, found, *, pin="", keep=True, manager="apt", unpackaged=False):
    return packages.plan(names, found=found, pin=pin, keep=keep, manager=manager, unpackaged=unpackaged)


@pytest.mark.parametrize(
    ("release", "source", "expected"),
    [
        (BOOKWORM, "distribution", ["docker.io"]),
        (TRIXIE, "distribution", ["docker.io", "docker-cli"]),
        (NOBLE, "distribution", ["docker.io"]),
        (BOOKWORM, "official", OFFICIAL),
        (ROCKY, "mirror", OFFICIAL),
    ],
)
def test_packages_by_distribution_and_source(release, source, expected):
    assert packages.wanted(source, Distribution(release), []) == expected


def test_the_rhel_family_is_told_that_it_has_no_package_of_its_own():
    with pytest.raises(HostError, match="docker_source to official"):
        packages.wanted("distribution", Distribution(ROCKY), [])


def test_a_bare_host_gets_the_engine_and_loses_nothing():
    result = plan(DEBIANS, {})
    assert (result.install, result.remove) == (["docker.io"], [])


def test_nothing_is_done_to_the_engine_that_is_wanted():
    result = plan(OFFICIAL, CE)
    assert (result.install, result.remove, result.actions) == ([], [], [])


@pytest.mark.parametrize(("names", "found"), [(DEBIANS, CE), (OFFICIAL, IO)])
def test_an_engine_from_elsewhere_is_kept(names, found):
    result = plan(names, found)
    assert result.kept
    assert (result.install, result.remove, result.actions) == ([], [], [])


def test_an_engine_from_elsewhere_is_replaced_when_asked_and_the_survey_says_what_goes():
    result = plan(OFFICIAL, IO, keep=False)
    assert result.install == OFFICIAL
    assert result.remove == ["docker.io", "containerd", "runc"]
    assert (
        "remove docker.io 20.10.24+dfsg1-1+deb12u1, which conflicts with docker-ce"
        " (its containers stop; images and volumes stay)"
    ) in result.actions


def test_a_pinned_version_is_installed_and_replaces_another():
    assert plan(OFFICIAL, {}, pin="5:28.5.*").install == [
        "docker-ce=5:28.5.*",
        "docker-ce-cli=5:28.5.*",
        "containerd.io",
    ]
    assert plan(OFFICIAL, CE, pin="5:28.5.*").install == []
    result = plan(OFFICIAL, CE, pin="5:29.0.*")
    assert result.install == ["docker-ce=5:29.0.*", "docker-ce-cli=5:29.0.*"]
    assert "replace docker-ce 5:28.5.1-1~debian.12~bookworm by 5:29.0.*" in result.actions


def test_dnf_writes_versions_with_a_dash():
    assert plan(OFFICIAL, {}, pin="28.5.*", manager="dnf").install[0] == "docker-ce-28.5.*"


def test_a_pin_that_the_kept_engine_does_not_meet_is_refused():
    with pytest.raises(HostError, match="docker_keep_installed: false"):
        plan(OFFICIAL, IO, pin="5:28.5.*")


def test_an_engine_that_no_package_brought_is_kept_or_refused_but_never_overwritten():
    assert plan(DEBIANS, {}, unpackaged=True).kept == "an Engine that no package brought"
    with pytest.raises(HostError, match="remove it by hand"):
        plan(DEBIANS, {}, keep=False, unpackaged=True)


def test_a_kubernetes_nodes_containerd_is_left_when_nothing_is_installed():
    assert plan(OFFICIAL, {**CE, "runc": "1.1.5"}).remove == []


def test_dockers_repository_follows_the_distribution():
    assert packages.official_apt(Distribution(NOBLE))["uris"] == ["https://download.docker.com/linux/ubuntu"]
    assert packages.official_apt(Distribution(BOOKWORM))["suites"] == ["bookworm"]
    assert "/centos/" in packages.official_yum(Distribution(ROCKY))["baseurl"]
    with pytest.raises(HostError, match="docker_apt_repository"):
        packages.official_apt(Distribution("ID=linuxmint\nID_LIKE=ubuntu\nVERSION_CODENAME=wilma\n"))
