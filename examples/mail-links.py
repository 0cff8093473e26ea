#!/usr/bin/env -S prefork-interp -- python3
"""List the links in a mail message.

    mail-links.py < message
    mail-links.py --json --seen ~/.mail-links.db message

The libraries for all this take ten times longer to load than a message takes to read: with prefork-interp they are
loaded once.
"""

import argparse
import asyncio
import email
import email.policy
import html.parser
import http
import json
import re
import sqlite3
import sys
import urllib.error
import urllib.parse
import urllib.request

import prefork_interp

URL = re.compile(r"https?://[^\s<>\"')\]]+")


class Anchors(html.parser.HTMLParser):
    """Collects what the anchors of a page refer to."""

    def __init__(self):
        super().__init__()
        self.links = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.links += [value for name, value in attributes if name == "href" and value]


def links_of(message):
    """Return the message's links, each once, in their order."""
    found = []
    for part in message.walk():
        kind = part.get_content_type()
        if kind == "text/html":
            anchors = Anchors()
            anchors.feed(part.get_content())
            found += anchors.links
        elif kind == "text/plain":
            found += URL.findall(part.get_content())
    return [link for link in dict.fromkeys(found) if urllib.parse.urlsplit(link).scheme in ("http", "https")]


def without_seen(path, links):
    """Return the links that the database doesn't have, and put them there."""
    database = sqlite3.connect(path)
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS seen (link TEXT PRIMARY KEY)")
        new = [link for link in links if not database.execute("SELECT 1 FROM seen WHERE link = ?", (link,)).fetchone()]
        database.executemany("INSERT INTO seen VALUES (?)", [(link,) for link in new])
    database.close()
    return new


def answer_of(link):
    """Return what the link's server says about it, such as "200 OK"."""
    try:
        with urllib.request.urlopen(urllib.request.Request(link, method="HEAD"), timeout=10) as response:
            status = response.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        return str(error)
    return f"{status} {http.HTTPStatus(status).phrase}"


async def answers_of(links):
    loop = asyncio.get_running_loop()
    return await asyncio.gather(*(loop.run_in_executor(None, answer_of, link) for link in links))


def main():
    parser = argparse.ArgumentParser(description="List the links in a mail message.")
    parser.add_argument("message", nargs="?", help="file with the message (default: standard input)")
    parser.add_argument("--check", action="store_true", help="ask each link's server about it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--seen", metavar="DB", help="leave out links that this database has, and remember the others")
    options = parser.parse_args()

    if options.message:
        with open(options.message, "rb") as file:
            message = email.message_from_binary_file(file, policy=email.policy.default)
    else:
        message = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
    links = links_of(message)
    if options.seen:
        links = without_seen(options.seen, links)
    answers = asyncio.run(answers_of(links)) if options.check else [None] * len(links)
    if options.json:
        listed = [{"link": link, "answer": answer} for link, answer in zip(links, answers)]
        print(json.dumps({"subject": message["subject"], "links": listed}, indent=2))
    else:
        for link, answer in zip(links, answers):
            print(link if answer is None else f"{link}  {answer}")


if __name__ == "__main__":
    prefork_interp.initialisation_complete()
    main()
