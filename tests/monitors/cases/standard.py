# What the stubs of the standard library say in ways of their own.
import http.client
import re
import socket
import ssl
import subprocess
import sys
import time
from sys import stderr
from typing import NamedTuple

try:
    import configparser
except ImportError:
    import ConfigParser as configparser

if sys.version_info[0] > 2:
    from queue import Queue
else:
    from Queue import Queue

try:
    import ujson as quick
except ImportError:
    import json as quick


def streams(connection: http.client.HTTPConnection):
    #? open something else than is declared
    sys.stderr.▮
    #? open something else than is declared
    sys.stdout.▮
    #? open something else than is declared
    line = sys.stdin.▮
    #? open something else than is declared
    stderr.▮
    out = stderr
    #? open something else than is declared
    out.▮
    #? open something else than is declared
    connection.sock.▮


def plain(process: subprocess.Popen, path: str | None):
    #? closed buffer reconfigure write
    sys.__stdout__.▮
    #? closed upper; not write
    sys.platform.▮
    #? closed communicate wait; not close
    process.▮
    #? closed upper
    path.▮


def sockets(secure: ssl.SSLSocket):
    plain = socket.socket()
    #? closed accept connect recv send; not cipher
    plain.▮
    #? closed decode; not encode
    plain.recv(1).▮
    #? closed accept cipher connect recv
    secure.▮


class Point(NamedTuple):
    across: int
    down: int


def undeclared(point: Point, moment: time.struct_time, pattern: re.Pattern, error: ConnectionError):
    #? closed across count down index; not tm_year
    point.▮
    #? closed count index tm_year
    moment.▮
    #? closed match scanner
    pattern.▮
    #? closed characters_written errno
    error.▮


def modules_of_python_2():
    #? closed ConfigParser Error; not SafeConfiguration
    configparser.▮
    parser = configparser.ConfigParser()
    #? closed add_section read; not read_everything
    parser.▮
    waiting = Queue()
    #? closed get put; not pop
    waiting.▮
    #? open leads nowhere
    quick.▮


class Cached:
    def __init__(self, key):
        self.key = key

    def __call__(self, function):
        return self

    def __get__(self, instance, owner):
        if instance is None:
            return self
        return instance.stored[self.key]


class Page:
    @Cached("query")
    def query(self): ...

    def read(self):
        #? open a descriptor
        x = self.query.▮
