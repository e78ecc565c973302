"""Files from the network: whole or not there, and never without a word about why not."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from nstlib.files import file_lock

TIMEOUT = (5, 30)  # seconds to connect, seconds without a byte: being offline shows soon
KEPT = 2**20  # bytes from which a broken download is kept, and the next one goes on from there


def download(url: str, file: Path, sha256: str, *, what: str, variable: str, otherwise: str) -> None:
    """`file` from `url`, complete and right, or no file and a reason.

    What has arrived is kept beside it as NAME.part; where the connection breaks off, it goes on from there, at once or
    with the next call. One process downloads, the others wait for it. Proxies are those of HTTPS_PROXY, HTTP_PROXY and
    NO_PROXY; certificates those of REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE or SSL_CERT_DIR where one is set.

    Parameters
    ----------
    url, file : from where, to where
    sha256 : the hash that the file must have, or how it begins
    what : what it is, for the messages
    variable : the environment variable that says where such files are kept
    otherwise : what works without it; the end of the message

    Raises
    ------
    ConnectionError: with the reason, and where a browser could save the file instead.
    KeyboardInterrupt: with how far it has come.
    """
    import requests  # here, not above: most runs download nothing

    try:
        with file_lock(file):
            if file.is_file() and has_hash(file, sha256):
                return  # another process has fetched it while this one waited
            file.unlink(missing_ok=True)
            reason = _fetch(url, file, sha256, what)
    except requests.RequestException as error:
        reason = reason_of(error, url)
    except OSError as error:
        reason = f"{file.parent} cannot be written, {error.strerror or error}: set {variable} to another folder"
    if not reason:
        return
    raise ConnectionError(
        f"{what} could not be downloaded from {urlsplit(url).hostname} ({reason}). Try again, or let a browser save "
        f"{url} as {file}; {otherwise}"
    ) from None


def has_hash(file: Path, sha256: str) -> bool:
    """Whether the SHA-256 of `file` is this, or begins so."""
    import pooch

    return pooch.file_hash(file).startswith(sha256)


def _fetch(url: str, file: Path, sha256: str, what: str) -> str:
    """Makes `file`, or says why it is not the right one. It takes as many attempts as each bring a good piece."""
    import requests

    part = file.with_name(file.name + ".part")
    try:
        while True:
            before = _size(part)
            try:
                _append(url, part, before, what)
                break
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                if _size(part) - before < KEPT:
                    raise
        if has_hash(part, sha256):
            os.replace(part, file)
            return ""
        with part.open("rb") as opened:
            page = opened.read(200).lstrip().startswith(b"<")
        part.unlink()
        return "other bytes arrived than expected, by their SHA-256, and were thrown away" + (
            "; it was a web page: does this network want you to log in first?" if page else ""
        )
    except KeyboardInterrupt:
        there = f"; {_size(part) / 2**20:.0f} MB are kept, and the same call goes on from there"
        raise KeyboardInterrupt(f"while downloading {what}{there if _size(part) >= KEPT else ''}") from None
    finally:
        if _size(part) < KEPT:
            part.unlink(missing_ok=True)


def _append(url: str, part: Path, there: int, what: str) -> None:
    import requests
    from tqdm.auto import tqdm

    # What it is packed in would not be what the hash is of, and could not be gone on with
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={there}-"} if there else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT, verify=certificates()) as answer:
        if answer.status_code == 416 and there:
            return  # there is nothing after what is here
        answer.raise_for_status()
        there = there if answer.status_code == 206 else 0  # or the server begins anew
        total = there + int(answer.headers.get("Content-Length", 0))
        bar = {"total": total or None, "initial": there, "unit": "B", "unit_scale": True, "desc": what}
        with part.open("ab" if there else "wb") as out, tqdm(**bar, disable=0 < total < KEPT) as shown:
            for piece in answer.iter_content(2**16):
                out.write(piece)
                shown.update(len(piece))


def certificates() -> str | bool:
    """The file or folder of certificates that the environment names, or True: requests' own."""
    import requests

    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := os.path.expanduser(os.environ.get(name, "")):
            if not os.path.exists(path):
                raise requests.exceptions.SSLError(f"{name} names {path}, which is not there")
            return path
    return True


def reason_of(error: Exception, url: str) -> str:
    """Why a request failed, in words, and what to do about it."""
    import requests

    text, host = str(error), urlsplit(url).hostname
    code = error.response.status_code if isinstance(error, requests.HTTPError) else 0
    if code == 407 or "407 " in text:
        return "the proxy wants a name and a password: set HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT"
    if code:
        return f"the server answered {code}"
    if isinstance(error, requests.exceptions.ProxyError):
        said = re.search(r"Tunnel connection failed: ([\w ]+)", text)
        proxy = urlsplit(requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)) or "").netloc
        answer = f"refuses: {said[1]}" if said else "cannot be reached"
        return f"the proxy {proxy.rpartition('@')[2]} {answer}; HTTPS_PROXY names it, NO_PROXY where to go without"
    if isinstance(error, requests.exceptions.SSLError):
        if "which is not there" in text:
            return text
        said = re.search(r"certificate verify failed: ([^(\[]+?) *\(", text) or re.search(r"\] ?([^(\[\]]+?) *\(", text)
        return (
            f"no trusted connection to {host}: {said[1] if said else 'TLS failed'}. Where a proxy looks into "
            "connections, set SSL_CERT_FILE or REQUESTS_CA_BUNDLE to the file with its certificate"
        )
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return f"no connection: no answer for {TIMEOUT[0]} s"
    if isinstance(error, requests.Timeout) or "Read timed out" in text:
        return f"the connection broke off: nothing came for {TIMEOUT[1]} s"
    if "resolve" in text or "resolution" in text or "getaddrinfo" in text:
        return f"no connection: the name {host} is not known; is there a network, or a proxy to name in HTTPS_PROXY?"
    if "NewConnectionError" in text or "new connection" in text:
        return "no connection: nobody answers there; is there a proxy to name in HTTPS_PROXY?"
    if isinstance(error, (requests.exceptions.InvalidProxyURL, requests.exceptions.InvalidSchema)):
        return f"the proxy variables cannot be used: {' '.join(text.split())}"
    return "the connection broke off"


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0
