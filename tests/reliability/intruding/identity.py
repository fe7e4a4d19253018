"""An identity provider on this computer, for tests: OpenID Connect over real HTTP with real RS256 signatures.

    python tests/reliability/intruding/identity.py PORT REDIRECT_URI

Its sign-in page asks for an address and, for tests, for one thing that shall be wrong with the token.
"""

import hashlib
import hmac
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlencode

CLIENT, SECRET = "dashboard", "a secret between the dashboard and its identity provider"
FLAWS = {
    "signature": "signed with a key that nobody published",
    "none": "not signed at all",
    "symmetric": "signed with the public key as if it were a shared secret",
    "issuer": "made by another provider",
    "audience": "made for another application",
    "nonce": "made for another sign-in",
    "expired": "expired an hour ago",
}


class Provider:
    """Codes that wait to be exchanged, and the keys."""

    def __init__(self, port: int, redirect: str) -> None:
        from joserfc.jwk import RSAKey

        self.issuer, self.redirect = f"http://127.0.0.1:{port}", redirect
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.other = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
        self.codes: dict[str, dict[str, str]] = {}
        self.given: list[str] = []

    def described(self) -> dict[str, Any]:
        """What the discovery document says."""
        ends = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "keys",
            "end_session_endpoint": "leave",
        }
        return {name: f"{self.issuer}/{path}" for name, path in ends.items()} | {
            "issuer": self.issuer,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def code_for(self, asked: dict[str, str], form: dict[str, str]) -> str:
        """A code that can be exchanged once."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | form
        return code

    def token(self, form: dict[str, str]) -> str | None:
        """The signed token of a code; None where the code or its proof is wrong."""
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != self.redirect:
            return None
        proof = urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(
            b"="
        )
        if proof.decode() != asked.get("code_challenge"):
            return None
        made = self._signed(asked)
        self.given.append(asked.get("flaw", ""))
        return made

    def _signed(self, asked: dict[str, str]) -> str:
        from joserfc import jwt

        now, flaw = int(time.time()) - 3600 * (asked.get("flaw") == "expired"), asked.get("flaw", "")
        claims = {
            "iss": "https://evil.example" if flaw == "issuer" else self.issuer,
            "aud": "another application" if flaw == "audience" else CLIENT,
            "nonce": "another sign-in" if flaw == "nonce" else asked.get("nonce", ""),
            "sub": hashlib.sha256(asked["email"].encode()).hexdigest()[:12],
            "iat": now,
            "exp": now + 600,
            "name": asked.get("name") or asked["email"].partition("@")[0].title(),
            "email": asked["email"],
            "email_verified": asked.get("unverified") != "yes",
        }
        if flaw == "symmetric":
            return _symmetric(claims, self.key.as_pem(private=False))
        signed = jwt.encode(
            {"alg": "RS256", "kid": "1"}, claims, self.other if flaw == "signature" else self.key
        )
        if flaw != "none":
            return signed
        head = urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
        return f"{head}.{signed.split('.')[1]}."


def _symmetric(claims: dict[str, Any], key: bytes) -> str:
    """Signed by hand: libraries refuse to use a public key as a shared secret."""
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "1"}, claims)]
    text = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    sealed = urlsafe_b64encode(hmac.digest(key, text, "sha256")).rstrip(b"=")
    return (text + b"." + sealed).decode()


def published(provider: Provider) -> list[Any]:
    """What anybody may read: the discovery document, the keys, and, for tests, which flaws were given out."""
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def discovery(_: Request) -> JSONResponse:
        return JSONResponse(provider.described())

    async def keys(_: Request) -> JSONResponse:
        return JSONResponse({"keys": [provider.key.as_dict(private=False)]})

    async def given(_: Request) -> JSONResponse:
        return JSONResponse(provider.given)

    return [
        Route("/.well-known/openid-configuration", discovery),
        Route("/keys", keys),
        Route("/given", given),
    ]


def application(provider: Provider) -> Any:
    """The web application around it."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
    from starlette.routing import Route

    async def authorize(request: Request) -> Any:
        asked = dict(request.query_params)
        if (asked.get("client_id"), asked.get("redirect_uri")) != (CLIENT, provider.redirect):
            return PlainTextResponse("unknown application", 400)
        if request.method == "GET":
            fields = "".join(
                f'<p>{n} <input name="{n}"></p>' for n in ("email", "name", "flaw", "unverified")
            )
            return HTMLResponse(f'<h1>Provider</h1><form method="post">{fields}<button>Go on</button></form>')
        form = {k: str(v) for k, v in (await request.form()).items()}
        back = {"code": provider.code_for(asked, form), "state": asked["state"]}
        return RedirectResponse(f"{provider.redirect}?{urlencode(back)}", 303)

    async def token(request: Request) -> JSONResponse:
        form = {k: str(v) for k, v in (await request.form()).items()}
        made = provider.token(form)
        if made is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "unused", "token_type": "Bearer", "id_token": made, "expires_in": 600}
        )

    async def leave(request: Request) -> RedirectResponse:
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 303)

    return Starlette(
        routes=[
            *published(provider),
            Route("/authorize", authorize, methods=["GET", "POST"]),
            Route("/token", token, methods=["POST"]),
            Route("/leave", leave),
        ]
    )


def secrets_file(provider: str, redirect: str, access: str) -> str:
    """What the dashboard's secrets.toml has to say for this provider; `access` is its table of lists."""
    return (
        f'[auth]\nredirect_uri = "{redirect}"\ncookie_secret = "{secrets.token_hex(32)}"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
        f'server_metadata_url = "{provider}/.well-known/openid-configuration"\n\n[access]\n{access}'
    )


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(redirect: str) -> Iterator[str]:
    """The provider as a process of its own; yields its address."""
    port = free_port()
    process = subprocess.Popen([sys.executable, __file__, str(port), redirect], start_new_session=True)
    try:
        for _ in range(200):
            with closing(socket.socket()) as line:
                if line.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)


if __name__ == "__main__":
    import uvicorn

    there = int(sys.argv[1])
    uvicorn.run(application(Provider(there, sys.argv[2])), host="127.0.0.1", port=there, log_level="warning")
