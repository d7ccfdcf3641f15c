"""A certificate authority (CA) of this machine's own, and the certificate that it signs for our TLS ports (RFC 5280).

A phone believes a certificate when it has the CA that signed it. So the CA stays for years, and is installed once; what
it signs is made anew whenever our addresses have changed or its end is near.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sipfullproxy.state import keep

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

LIBRARY = "cryptography"
"""What must be installed; `pip install .` in the folder of the project brings it."""

# A CA outlives a course and the phones that have it; longer than a key of this size should be trusted anyway.
CA_LIFE = timedelta(days=3650)

# Apple's systems refuse a server's certificate that is valid for more than 825 days, and browsers beyond 398.
LIFE = timedelta(days=365)

# So long before its end a certificate is made anew: a laptop may sleep through the holidays.
MARGIN = timedelta(days=30)

# Certificates begin before they are made: the clocks of phones are not right to the minute, nor is that of the proxy.
LEEWAY = timedelta(days=1)

# Bytes of a Common Name: as many as RFC 5280 (ub-common-name) gives it characters.
LONGEST_NAME = 64


class Pair(NamedTuple):
    """A private key, and a certificate for it."""

    key: EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """Both as one text, so that a file never holds a key and somebody else's certificate."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


class Authority:
    """The CA that is kept in a folder; where there is none that can be used, a new one is made.

    place: the folder. now: wall time with its zone. host: name of this machine, by which people tell CAs apart.
    pem, der: its certificate. fingerprint: SHA-256 of it, as phones show it. file: where the certificate alone is kept,
    for whoever wants to copy it. replaced: whether there was a CA, and it was damaged or its time was over.

    Raises OSError where nothing can be read or kept there.
    """

    def __init__(self, place: Path, now: datetime, host: str) -> None:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import Encoding

        self._place = place
        kept = place / "authority.pem"
        pair = _read(kept)
        self.replaced = False
        if pair is None or now >= pair.certificate.not_valid_after_utc - MARGIN:
            self.replaced = kept.exists()
            pair = _new_authority(now, host)
            keep(kept, pair.pem)
        self._pair = pair
        self.pem = pair.certificate.public_bytes(Encoding.PEM)
        self.der = pair.certificate.public_bytes(Encoding.DER)
        self.fingerprint = pair.certificate.fingerprint(SHA256()).hex(":").upper()
        self.file = place / "ca.pem"
        if not self.file.exists() or self.file.read_bytes() != self.pem:
            keep(self.file, self.pem)

    def certify(self, names: Iterable[str], now: datetime) -> Path:
        """The file (PEM) with our certificate and its key, made anew where it does not name all of `names`, or will
        end soon.

        names: our addresses and domain names. now: wall time with its zone. Raises OSError where it cannot be kept.
        """
        file = self._place / "proxy.pem"
        wanted = _alternatives(names)
        kept = _read(file)
        if kept is None or not self._holds(kept.certificate, wanted, now):
            keep(file, self._signed(wanted, now).pem)
        return file

    def _holds(self, certificate: x509.Certificate, wanted: list[x509.GeneralName], now: datetime) -> bool:
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature

        try:
            certificate.verify_directly_issued_by(self._pair.certificate)
            named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        ends = certificate.not_valid_after_utc - MARGIN
        return certificate.not_valid_before_utc <= now < ends and {*wanted} <= {*named}

    def _signed(self, wanted: list[x509.GeneralName], now: datetime) -> Pair:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key, issuer = ec.generate_private_key(ec.SECP256R1()), self._pair.certificate
        ends = min(now + LIFE, issuer.not_valid_after_utc)
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(_name("sipfullproxy"), key, now, ends)
            .issuer_name(issuer.subject)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(wanted), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._pair.key.public_key()), critical=False
            )
            .sign(self._pair.key, SHA256())
        )
        return Pair(key, certificate)


def _new_authority(now: datetime, host: str) -> Pair:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    key = ec.generate_private_key(ec.SECP256R1())
    common = f"sipfullproxy CA {now:%Y-%m-%d} {host}".encode(errors="ignore")[:LONGEST_NAME]
    name = _name(common.decode(errors="ignore").strip())
    certificate = (
        _builder(name, key, now, now + CA_LIFE)
        .issuer_name(name)
        # It signs for us, and makes no further CAs.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, SHA256())
    )
    return Pair(key, certificate)


def _builder(name: x509.Name, key: EllipticCurvePrivateKey, now: datetime, ends: datetime) -> x509.CertificateBuilder:
    from cryptography import x509

    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - LEEWAY)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=digital_signature, key_cert_sign=key_cert_sign, crl_sign=crl_sign, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    """What the certificate is for (RFC 5280 §4.2.1.6): names in the DNS, and addresses.

    Each address is there as a name, too: Linphone (mbed TLS 2) looks for what the user has typed among names only.
    """
    from cryptography import x509

    found: dict[x509.GeneralName, None] = {}
    for name in names:
        host = name.partition("%")[0]  # the scope behind `%` is this machine's own word, and no part of the address
        found[x509.DNSName(host)] = None
        with suppress(ValueError):
            found[x509.IPAddress(ipaddress.ip_address(host))] = None
    return list(found)


def _read(file: Path) -> Pair | None:
    """The pair in a file; None where there is none, or what is there is none. Raises OSError."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        data = file.read_bytes()
        key, certificate = load_pem_private_key(data, None), x509.load_pem_x509_certificate(data)
        if isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key():
            return Pair(key, certificate)
    except (FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):
        pass
    return None
