"""Downloads: the true reason of each failure, what is kept of a broken one, certificates and proxies. All on loopback."""

import contextlib
import hashlib
import ssl
import time
from pathlib import Path

import pytest
import requests
from helpers.server import Quiet, closed_port, serving
from torchvision.models import VGG19_Weights

import nstlib
from nstlib.images import downloads, fetch_picture, picture_info, registry
from nstlib.images.downloads import download

DATA = hashlib.sha256(b"seed").digest() * (3 * 2**15)  # 3 MiB
HASH = hashlib.sha256(DATA).hexdigest()
PEM = Path(__file__).parents[1] / "helpers" / "localhost.pem"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
VARIABLES += ("SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def plain_network(monkeypatch):
    """No proxy and no certificates but those of a test."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Ranges(Quiet):
    """Sends DATA, or from the byte asked for; `server.cuts` says after how many bytes each answer breaks off."""

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        if start >= len(DATA):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", len(DATA) - start)
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(DATA)
        self.wfile.write(DATA[start : start + cut])


@pytest.fixture
def server():
    with serving(Ranges) as server:
        server.asked, server.cuts, server.ranges = [], [], True
        yield server


@pytest.fixture
def get(server, tmp_path):
    """`get()` downloads DATA to `get.file`; what is kept of it on the way is `get.part`."""

    def run(url=f"{server.address}/file.bin"):
        download(url, run.file, HASH, what="the file", variable="HERE", otherwise="else works")
        return run.file.read_bytes()

    run.file, run.part = tmp_path / "file.bin", tmp_path / "file.bin.part"
    return run


# ---- broken off and gone on with ---------------------------------------------------------------------------------


def test_a_broken_download_goes_on_where_it_broke_off(server, get):
    server.cuts = [2**21, 2**19]  # the second brings less than is worth another attempt
    with pytest.raises(ConnectionError, match=r"the file could not be .* \(the connection broke off\)"):
        get()
    kept = get.part.stat().st_size
    assert server.asked == [None, "bytes=2097152-"] and kept == 2**21 + 2**19
    assert get.part.read_bytes() == DATA[:kept] and not get.file.exists()
    assert get() == DATA and server.asked[2:] == [f"bytes={kept}-"]
    assert not get.part.exists()
    assert get() == DATA and len(server.asked) == 3, "what is there is not fetched again"


def test_a_small_piece_is_not_kept(server, get):
    server.cuts = [1000]
    with pytest.raises(ConnectionError, match="broke off"):
        get()
    assert not get.part.exists() and not get.file.exists()


def test_a_server_that_only_begins_anew(server, get):
    server.ranges, server.cuts = False, [2**21]
    assert get() == DATA and server.asked == [None, "bytes=2097152-"]


@pytest.mark.parametrize("left", ["of another file", "whole"])
def test_what_a_killed_download_left(server, get, left):
    get.part.write_bytes(b"?" * 2**21 if left == "of another file" else DATA)
    if left == "whole":
        assert get() == DATA
        return
    with pytest.raises(ConnectionError, match="other bytes arrived than expected, by their SHA-256, and were thrown a"):
        get()
    assert not get.part.exists()
    assert get() == DATA and server.asked == ["bytes=2097152-", None]


@pytest.mark.parametrize(
    "pieces, said", [(3, "while downloading the file"), (44, "; 3 MB are kept, and the same call")]
)
def test_an_interruption_says_what_it_was_doing(get, monkeypatch, pieces, said):
    """Met in: pytorch/pytorch#33288 (a download ended without a word)."""

    def interrupted(self, size, whole=requests.Response.iter_content):
        for number, piece in enumerate(whole(self, size)):
            if number == pieces:
                raise KeyboardInterrupt
            yield piece

    with monkeypatch.context() as patch:
        patch.setattr(requests.Response, "iter_content", interrupted)
        with pytest.raises(KeyboardInterrupt, match=said):
            get()
    assert get.part.exists() == (pieces == 44) and not get.file.exists()
    assert get() == DATA


# ---- why it failed -----------------------------------------------------------------------------------------------


class Proxy(Quiet):
    """A proxy that answers everything with `server.code`."""

    def refuse(self):
        self.send_response(self.server.code)
        self.send_header("Content-Length", 0)
        self.end_headers()

    do_GET = do_CONNECT = refuse


class Slow(Quiet):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", 9)
        self.end_headers()
        time.sleep(1)


class Page(Quiet):
    def do_GET(self):
        page = b"\n<!DOCTYPE html><html>Please log in</html>"
        self.send_response(200)
        self.send_header("Content-Length", len(page))
        self.end_headers()
        self.wfile.write(page)


@contextlib.contextmanager
def secure(handler):
    """As `serving`, with TLS and a certificate that nobody trusts."""
    with serving(handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.address = server.address.replace("http:", "https:")
        server.asked, server.cuts, server.ranges = [], [], True
        yield server


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "code, reason",
    [
        (407, "the proxy wants a name and a password: set HTTPS_PROXY to http://NAME:PASSWORD@HOST:PORT"),
        (403, r"the proxy 127.0.0.1:\d+ refuses: 403 Forbidden|the server answered 403"),
    ],
)
def test_a_proxy_that_refuses_is_named(get, monkeypatch, scheme, code, reason):
    """Met in: pytorch/pytorch#33288."""
    with serving(Proxy) as proxy:
        proxy.code = code
        monkeypatch.setenv(f"{scheme}_proxy", proxy.address.replace("//", "//user:secret@"))
        with pytest.raises(ConnectionError, match=reason) as error:
            get(f"{scheme}://example.invalid/file.bin")
    assert "secret" not in str(error.value)


def test_a_proxy_that_is_not_there_is_named(get, monkeypatch):
    port = closed_port()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
    with pytest.raises(ConnectionError, match=rf"the proxy 127.0.0.1:{port} cannot be reached; HTTPS_PROXY names it"):
        get("https://example.invalid/file.bin")


@pytest.mark.parametrize("url", ["http://nowhere.invalid/a", "https://nowhere.invalid/a"])
def test_an_unknown_name_is_no_network(get, url):
    with pytest.raises(
        ConnectionError, match=r"no connection: the name nowhere\.invalid is not known; is there a netw"
    ):
        get(url)


def test_nobody_answers(get):
    with pytest.raises(ConnectionError, match="no connection: nobody answers there"):
        get(f"http://127.0.0.1:{closed_port()}/a")


def test_a_server_that_stops_sending(get, monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", (5, 0.1))
    with serving(Slow) as slow, pytest.raises(ConnectionError, match=r"broke off: nothing came for 0\.1 s"):
        get(f"{slow.address}/a")


def test_a_page_to_log_in(get):
    with serving(Page) as page, pytest.raises(ConnectionError, match="does this network want you to log in first"):
        get(f"{page.address}/a")
    assert not get.part.exists()


def test_a_proxy_that_looks_into_connections_is_told_from_no_network(get):
    """Met in: pytorch/pytorch#33288."""
    with secure(Ranges) as server, pytest.raises(ConnectionError) as error:
        get(f"{server.address}/a")
    said = str(error.value)
    assert "no trusted connection to 127.0.0.1: self-signed certificate." in said
    assert "set SSL_CERT_FILE or REQUESTS_CA_BUNDLE to the file" in said


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("home", [False, True])
def test_certificates_that_the_environment_names(get, monkeypatch, variable, home):
    monkeypatch.setenv("HOME", str(PEM.parent))
    monkeypatch.setenv("USERPROFILE", str(PEM.parent))
    monkeypatch.setenv(variable, f"~/{PEM.name}" if home else str(PEM))
    with secure(Ranges) as server:
        assert get(f"{server.address}/a") == DATA


def test_certificates_that_are_not_there(get, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/certificates.pem")
    with pytest.raises(ConnectionError, match=r"SSL_CERT_FILE names /no/such/certificates\.pem, which is not there"):
        get()


def test_what_a_browser_saved_is_taken(get):
    """The message says where to put it."""
    with pytest.raises(ConnectionError) as error:
        get("http://nowhere.invalid/a")
    assert f"let a browser save http://nowhere.invalid/a as {get.file}; else works" in str(error.value)
    get.file.write_bytes(DATA)
    assert get("http://nowhere.invalid/a") == DATA


# ---- both kinds of files ------------------------------------------------------------------------------------------


def test_pictures_and_weights_tell_the_same_reason(tmp_path, monkeypatch):
    """Met in: pytorch/pytorch#33288."""
    monkeypatch.setenv("NSTLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with secure(Ranges) as server:
        url = f"{server.address}/vgg19-{HASH[:8]}.pth"
        known = {"famous": {**picture_info("tubingen"), "address": f"{server.address}/a.png", "sha256": HASH}}
        monkeypatch.setattr(registry, "registry", lambda: known)
        before = VGG19_Weights.IMAGENET1K_V1.value.url
        object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", url)  # a frozen dataclass
        try:
            for ask, file in (
                (lambda: fetch_picture("famous"), tmp_path / "cache" / "famous.png"),
                (lambda: nstlib.load_network("vgg19"), tmp_path / "torch" / "hub" / "checkpoints" / url[-18:]),
            ):
                with pytest.raises(
                    ConnectionError, match=r"no trusted connection to 127\.0\.0\.1: self-signed"
                ) as error:
                    ask()
                assert str(file) in str(error.value), "where to put what a browser fetched"
        finally:
            object.__setattr__(VGG19_Weights.IMAGENET1K_V1.value, "url", before)
