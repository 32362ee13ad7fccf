"""How long `dncnn-tf ui` takes to answer: every file of the page and the sample. Takes the command's path."""

import re
import subprocess
import sys
import time
import urllib.request


def ask(address: str, **options: object) -> str:
    with urllib.request.urlopen(urllib.request.Request(address, **options), timeout=60) as answer:
        return answer.read().decode()


start = time.monotonic()
server = subprocess.Popen([sys.argv[1], "ui", "--no-browser"], stdout=subprocess.PIPE, text=True)
try:
    origin = server.stdout.readline().strip().rstrip("/")
    page = ask(origin)
    sys.stdout.write(f"the page answers after {time.monotonic() - start:.1f} s\n")
    for path in re.findall(r'(?:href|src)="(/[^"]+)"', page):
        ask(origin + path)
    facts = ask(f"{origin}/sample", method="POST", headers={"Origin": origin})
    sys.stdout.write(f"{facts[:60]}… after {time.monotonic() - start:.1f} s\n")
finally:
    server.terminate()
    server.wait(60)
