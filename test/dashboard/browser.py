"""browser.py - a real browser for the dashboard's tests: chromium by WebDriver, with nothing but the standard library."""

import base64
import contextlib
import json
import os
import subprocess
import time
import urllib.request


class Browser:
    """One window. Use it with `with`."""

    def __init__(self, folder):
        """FOLDER is where the browser may keep what it keeps; it goes with the test."""
        port_file = os.path.join(folder, "driver.log")
        with open(port_file, "wb") as log:
            self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=log, stderr=log)
        self.port = self._await_port(port_file)
        options = {
            "args": [
                "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run",
                "--force-color-profile=srgb", "--user-data-dir=" + os.path.join(folder, "profile"),
            ]
        }
        wanted = {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options,
                                                   "goog:loggingPrefs": {"browser": "ALL"}}}}
        self.session = self._call("POST", "/session", wanted)["sessionId"]

    def _await_port(self, path):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with open(path, encoding="utf-8", errors="replace") as log:
                for line in log:
                    if "successfully on port " in line:
                        return int(line.rsplit("on port ", 1)[1].strip(" .\n"))
            if self.driver.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError("chromedriver did not come up: see " + path)

    def _call(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def call(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self._call("DELETE", f"/session/{self.session}")
        self.driver.terminate()
        self.driver.wait()

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script, *args):
        """The value of SCRIPT, the body of a function."""
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        """The same of an async function's body."""
        body = f"const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, (error) => done({{error: String(error)}}))"
        return self.call("POST", "/execute/async", {"script": body, "args": list(args)})

    def cdp(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def wait(self, script, *args, seconds=30):
        """Until SCRIPT says something true; that."""
        until = time.monotonic() + seconds
        while True:
            value = self.run(script, *args)
            if value:
                return value
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {script} {args}\nthe page says: {self.text()[:3000]}")
            time.sleep(0.02)

    def text(self):
        return self.run("return document.body ? document.body.innerText : ''")

    def size(self, width, height, scale=1, mobile=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)

    def scheme(self, name):
        """light or dark"""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def type(self, text):
        """As from a keyboard, to whatever has the focus."""
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def picture(self, path):
        """Of the window, once what changed is drawn."""
        self.run_async("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        data = self.cdp("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def complaints(self):
        """What the browser's console has heard since it was asked last."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"})]
