"""A broker with a listener for each way to let clients in: TLS by an authority of the test's own, SASL, rights."""

from __future__ import annotations

import socket
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from grouped import until

from caudal.broker import installing

HOST = "127.0.0.1"
PASSWORD = "s3cret-that-stands-nowhere"
_PROPERTIES = """
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{open},TLS://{host}:{tls},SCRAM://{host}:{scram},PLAIN://{host}:{plain},TOKEN://{host}:{token},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{open},TLS://{host}:{tls},SCRAM://{host}:{scram},PLAIN://{host}:{plain},TOKEN://{host}:{token}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,TLS:SSL,SCRAM:SASL_SSL,PLAIN:SASL_PLAINTEXT,TOKEN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller}
log.dirs={folder}/topics
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
auto.create.topics.enable=false
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.plain.sasl.enabled.mechanisms=PLAIN
listener.name.plain.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_plain="{password}";
listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.token.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:plain;User:token
"""


class Secured:
    """The broker. `open` is its listener for everybody, who may do everything; `plain` may too, `scram` what it is granted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca, self.other_ca = _authority(folder, "ca"), _authority(folder, "other")
        _certificate(folder)
        ports = dict(zip(("open", "tls", "scram", "plain", "token", "controller"), _free(6), strict=True))
        self.open, self.tls, self.scram, self.plain, self.token = (
            f"{HOST}:{ports[n]}" for n in ("open", "tls", "scram", "plain", "token")
        )
        properties = folder / "server.properties"
        properties.write_text(_PROPERTIES.format(host=HOST, folder=folder, password=PASSWORD, **ports))
        java = [installing.java(), "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", f"{installing.install(print)}/*"]
        cluster = str(uuid.uuid4())[:22]
        made = [*java, "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(properties)]
        subprocess.run(made, check=True, cwd=folder, capture_output=True)
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [*java, "kafka.Kafka", str(properties)], cwd=folder, stdout=self._log, stderr=self._log
        )
        self.admin = AdminClient({"bootstrap.servers": self.open, "log_level": 0})
        until(self._answers, lambda: (folder / "log").read_text()[-3000:])
        given = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        user = UserScramCredentialUpsertion("scram", given, PASSWORD.encode())
        self.admin.alter_user_scram_credentials([user])["scram"].result(60)

    def close(self) -> None:
        self._process.kill()
        self._process.wait(60)
        self._log.close()

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            return bool(self.admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False


def _free(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True)


def _authority(folder: Path, name: str) -> str:
    key, certificate = f"{name}.key", f"{name}.pem"
    _openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
             "-keyout", key, "-out", certificate)  # fmt: skip
    return str(folder / certificate)


def _certificate(folder: Path) -> None:
    """Make the broker's key and certificate, signed by the authority, in one file."""
    (folder / "names").write_text(f"subjectAltName=IP:{HOST}\n")
    _openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", "b.key", "-out", "b.csr")
    _openssl(folder, "x509", "-req", "-in", "b.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
             "-extfile", "names", "-out", "b.pem")  # fmt: skip
    (folder / "broker.pem").write_text((folder / "b.key").read_text() + (folder / "b.pem").read_text())
