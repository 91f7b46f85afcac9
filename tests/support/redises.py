"""A Redis of the test's own making: with users, TLS, or whatever else it is to be started with."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from waiting import until

from perijove.ports import free_ports
from perijove_scheduler.embedded.server import find_server

#: The rights that docs/configuration.md tells an administrator to give Perijove's user.
RIGHTS = ("~pj:*", "&pj:*", "+@all", "-@dangerous", "+info", "+acl|setuser", "+acl|deluser")


@dataclass(frozen=True)
class Server:
    """A running server with the master's password; `options` end its URL."""

    port: int
    password: str
    scheme: str = "redis"
    options: str = ""

    @property
    def url(self) -> str:
        """Its address with the master's password."""
        return self.url_of("", self.password)

    def url_of(self, user: str, password: str) -> str:
        """Return its address for another user."""
        return f"{self.scheme}://{user}:{password}@127.0.0.1:{self.port}/0{self.options}"

    def restricted(self, *changes: str) -> str:
        """Make a user with the documented `RIGHTS`, and these changes to them; return the address for it."""
        with self.client() as client:
            client.execute_command("ACL", "SETUSER", "perijove", "reset", "on", ">of-perijove", *RIGHTS, *changes)
        return replace(self, options="").url_of("perijove", "of-perijove")

    def denied(self) -> list[dict[str, object]]:
        """Return the latest commands, keys and channels that anybody was denied."""
        with self.client() as client:
            # Whose rights are taken back tries to sign in once more.
            return [entry for entry in client.acl_log() if entry["reason"] != "auth"]

    def used(self) -> set[str]:
        """Return every command that anybody has sent or called in a script."""
        with self.client() as client:
            names = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
        return {name.upper().replace("|", " ") for name in names}

    def client(self) -> redis.Redis:
        """Return a client with the master's rights."""
        return redis.Redis.from_url(self.url)


@contextmanager
def running(*settings: str, port: int | None = None, password: str = "") -> Iterator[Server]:
    """Start a server that keeps an append-only file, with more settings, and end it."""
    server = Server(port or free_ports(1)[0], password or secrets.token_hex(16))
    with _process(server, "--port", str(server.port), *settings):
        yield server


@contextmanager
def running_with_tls(authority: Authority, *settings: str) -> Iterator[Server]:
    """Start a server that speaks TLS only and wants its clients' certificates."""
    server = Server(free_ports(1)[0], secrets.token_hex(16), "rediss", authority.options)
    tls = ("--port", "0", "--tls-port", str(server.port), "--tls-ca-cert-file", str(authority.ca),
           "--tls-cert-file", str(authority.certificate), "--tls-key-file", str(authority.key))  # fmt: skip
    with _process(server, *tls, *settings):
        yield server


@contextmanager
def _process(server: Server, *settings: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="pj-redis-") as folder:
        base = ("--bind", "127.0.0.1", "--requirepass", server.password, "--appendonly", "yes", "--dir", folder)
        process = subprocess.Popen([find_server(), *base, *settings], stdout=subprocess.DEVNULL)
        try:
            until(lambda: process.poll() is not None or _listens(server.port))
            until(lambda: process.poll() is not None or _answers(server))
            assert process.poll() is None, "redis-server ended"
            yield
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(server: Server) -> bool:
    try:
        with server.client() as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False
    except redis.RedisError:
        return True


@dataclass(frozen=True)
class Authority:
    """A CA with one certificate for 127.0.0.1, which server and client share."""

    ca: Path
    certificate: Path
    key: Path

    @property
    def options(self) -> str:
        """How a test's own client finds them."""
        return f"?ssl_ca_certs={self.ca}&ssl_certfile={self.certificate}&ssl_keyfile={self.key}"


def authority(folder: Path) -> Authority:
    """Make a CA and its certificate in `folder`."""
    made = Authority(folder / "ca.pem", folder / "certificate.pem", folder / "key.pem")
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _signed("The test's CA", ca_key, ca_key, "The test's CA", ca=True)
    certificate = _signed("127.0.0.1", key, ca_key, "The test's CA", ca=False)
    made.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, issuer: str, *, ca: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if ca:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(usage, critical=True)
    else:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(by, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
