"""The other side of a tunnel: a program with the Python library `spiffe` and its `spiffetls`.

It gets its SVIDs from a Workload API and does mutual TLS with them. Its calls and what it prints are those of the peers
in the other languages. The library does not read hints: the registration lists the peer's identity last.
"""

import sys
import threading

from OpenSSL import SSL
from spiffe import JwtSvid, SpiffeId, WorkloadApiClient, X509Source
from spiffetls import ListenOptions, dial, listen
from spiffetls.mode import ServerTlsMode
from spiffetls.tlsconfig.authorize import authorize_id

USAGE = """usage: peer COMMAND ADDRESS-OF-WORKLOAD-API HINT …
  dial  … PEER-ID HOST:PORT   send a line, print the answer
  serve … PEER-ID             print HOST:PORT, answer each line with the peer's ID and the line
  jwt   … AUDIENCE            fetch a token, validate it here and at the Workload API, print whose it is"""

PATIENCE_SECONDS = 30


def open_source(address: str) -> X509Source:
    return X509Source(
        socket_path=address,
        timeout_in_seconds=PATIENCE_SECONDS,
        svid_picker=lambda svids: svids[-1],
    )


def read_line(connection: SSL.Connection) -> str:
    line = b""
    while not line.endswith(b"\n"):
        line += connection.recv(1024)
    return line.decode().rstrip("\n")


def dial_peer(address: str, peer: str, target: str) -> None:
    with open_source(address) as source:
        connection = dial(target, source, authorize_fn=authorize_id(SpiffeId(peer)))
        connection.sendall(b"ping\n")
        print(read_line(connection))


def serve_peer(address: str, peer: str) -> None:
    source = open_source(address)
    options = ListenOptions(tls_mode=ServerTlsMode.MTLS, authorize_fn=authorize_id(SpiffeId(peer)))
    listener = listen("127.0.0.1:0", source, options)
    host, port = listener.getsockname()
    print(f"{host}:{port}", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer_lines, args=(connection, peer), daemon=True).start()


def answer_lines(connection: SSL.Connection, peer: str) -> None:
    try:
        while True:
            line = read_line(connection)
            # The library hands the peer's ID to the authorizer alone, which let this one in only.
            connection.sendall(f"{peer} {line}\n".encode())
    except SSL.Error:
        connection.close()


def check_token(address: str, audience: str) -> None:
    with WorkloadApiClient(address) as client:
        token = client.fetch_jwt_svids({audience})[-1].token
        bundles = client.fetch_jwt_bundles()
        claimed = JwtSvid.parse_insecure(token, {audience}).spiffe_id
        bundle = bundles.get_bundle_for_trust_domain(claimed.trust_domain)
        here = JwtSvid.parse_and_validate(token, bundle, {audience}).spiffe_id
        there = client.validate_jwt_svid(token, audience).spiffe_id
        print(here, there)


def main(arguments: list[str]) -> int:
    match arguments:
        case ["dial", address, _, peer, target]:
            dial_peer(address, peer, target)
        case ["serve", address, _, peer]:
            serve_peer(address, peer)
        case ["jwt", address, _, audience]:
            check_token(address, audience)
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Exception as error:
        print(f"peer: {error}", file=sys.stderr)
        sys.exit(1)
