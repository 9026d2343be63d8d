"""The station's own certificate and the list of those it trusts: made once, renewed in time, private, never mixed up."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from core.errors import Conflict, Invalid, Refused, Unavailable
from core.store.certificates import RENEWED, VALID, Certificates, OwnCertificate, fingerprint

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    Certificates(home).own(NOW)
    return home


@pytest.fixture
def home(_made: Path, tmp_path: Path) -> Path:
    """A home whose certificate was made at NOW."""
    (tmp_path / "opcua").mkdir()
    for name in ("own.key", "own.der"):
        (tmp_path / "opcua" / name).write_bytes((_made / "opcua" / name).read_bytes())
        (tmp_path / "opcua" / name).chmod(0o600)
    return tmp_path


def test_own_certificate_says_what_the_standard_asks_for(home: Path) -> None:
    (own,) = Certificates(home).own(NOW)
    certificate = x509.load_der_x509_certificate(own.der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [own.uri]
    assert own.uri.startswith("urn:")
    assert len(names.get_values_for_type(x509.DNSName)) == 1
    assert ExtendedKeyUsageOID.CLIENT_AUTH in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    assert (certificate.not_valid_after_utc, own.until) == (NOW + VALID, NOW + VALID)
    key = load_pem_private_key(own.key, None)
    public = certificate.public_key()
    assert isinstance(public, RSAPublicKey)
    assert public.public_numbers() == key.public_key().public_numbers()  # type: ignore[union-attr]
    assert public.key_size >= 2048
    certificate.verify_directly_issued_by(certificate)
    assert b"PRIVATE" not in repr(own).encode()


def test_it_is_made_once_however_many_ask_at_once(tmp_path: Path) -> None:
    found: list[OwnCertificate] = []
    threads = [threading.Thread(target=lambda: found.extend(Certificates(tmp_path).own(NOW))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({own.der for own in found}) == 1
    assert len(found) == 4
    for name in ("own.key", "own.der"):
        assert (tmp_path / "opcua" / name).stat().st_mode & 0o777 == 0o600


def test_it_is_renewed_in_time_with_the_same_key_and_the_old_one_is_kept_while_it_is_good(home: Path) -> None:
    certificates = Certificates(home)
    (first,) = certificates.own(NOW + VALID - RENEWED - timedelta(days=1))
    later = NOW + VALID - RENEWED + timedelta(days=1)
    second, before = certificates.own(later)
    assert before == first
    assert (second.key, second.uri) == (first.key, first.uri)
    assert second.until == later + VALID
    assert certificates.own(later + timedelta(days=1)) == (second, first)
    assert certificates.own(first.until) == (second,)


def test_a_key_that_others_can_read_is_not_used(home: Path) -> None:
    (home / "opcua" / "own.key").chmod(0o644)
    with pytest.raises(Refused):
        Certificates(home).own(NOW)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x30\x82\xff\xff"])
def test_a_damaged_certificate_is_said(home: Path, content: bytes) -> None:
    (home / "opcua" / "own.der").write_bytes(content)
    with pytest.raises(Unavailable) as error:
        Certificates(home).own(NOW)
    assert error.value.code == "store.certificate_damaged"


def test_a_crash_between_key_and_certificate_keeps_the_key(home: Path) -> None:
    key = (home / "opcua" / "own.key").read_bytes()
    (home / "opcua" / "own.der").unlink()
    assert Certificates(home).own(NOW)[0].key == key


def test_what_was_shown_is_accepted_by_its_fingerprint_alone(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with pytest.raises(Invalid):
        certificates.trust("PLC", fingerprint(b"x"))
    certificates.saw("PLC", b"x")
    assert certificates.trusted("PLC") is None
    with pytest.raises(Conflict):
        certificates.trust("PLC", fingerprint(b"y"))
    certificates.saw("PLC", b"y")
    with pytest.raises(Conflict):
        certificates.trust("PLC", fingerprint(b"x"))
    for typed in (fingerprint(b"y"), fingerprint(b"y").lower().replace(" ", ":")):
        certificates.trust("PLC", typed)
    assert certificates.trusted("PLC") == b"y"
    assert certificates.trusted("PLC2") is None
    certificates.forget("PLC")
    assert (certificates.trusted("PLC"), certificates.seen("PLC")) == (None, None)
    certificates.forget("PLC")


@pytest.mark.parametrize("code", ["a/../../b", "..", "A b", "設備"])
def test_no_source_code_leads_out_of_the_folder(tmp_path: Path, code: str) -> None:
    Certificates(tmp_path).accept(code, b"x")
    (path,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path.parent == tmp_path / "opcua" / "trusted"
    assert path.stat().st_mode & 0o777 == 0o600


def test_fingerprints_are_read_in_groups() -> None:
    assert fingerprint(b"") == (
        "E3B0 C442 98FC 1C14 9AFB F4C8 996F B924 27AE 41E4 649B 934C A495 991B 7852 B855"
    )  # Source: FIPS 180-4, SHA-256 of nothing
