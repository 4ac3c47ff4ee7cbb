# What the state of an object allows behind its dot. `closed`, `open` (some names are refused all the same), or silent.
import contextlib
import json
import socket
import sqlite3
import subprocess
import threading
from pathlib import Path
from sqlite3 import connect as dial
from threading import Thread

import pytest


def opened(path):
    f = open(path)
    #? closed read readline close; not write truncate
    f.▮
    g = open(path, "w")
    #? closed write close name; not read readlines
    x = g.▮
    h = open("a.txt", mode="r+")
    #? silent
    x = h.▮
    i = open("a.txt", path)
    #? silent
    x = i.▮


def read_it():
    f = open("a.txt")
    #? closed read readline close name; not write truncate
    f.▮
    f.close()
    #? closed close closed name; not read write seek
    f.▮


def left(path):
    with open("a.txt", encoding="utf-8") as f:
        #? closed read close; not write
        text = f.▮
    #? closed close closed; not read readline
    text = f.▮


def branches(path, flag):
    f = open("a.txt")
    if flag:
        f.close()
    #? closed read close; not write
    f.▮
    if flag:
        pass
    else:
        f.close()
        return
    #? closed read
    f.▮


def both(flag):
    f = open("a.txt")
    if flag:
        f.close()
    elif f.readline():
        f.close()
        print("x")
    else:
        f.close()
    #? closed close; not read
    f.▮


def loops(names):
    f = open("a.txt")
    while names:
        #? closed read; not write
        f.▮
        f.close()
    for name in names:
        f = open("a.txt", "w")
        #? closed write; not read
        f.▮
        f.close()
    else:
        #? silent
        f.▮
    return None


def tries():
    f = open("a.txt")
    try:
        #? silent
        f.▮
        f.close()
    except OSError:
        #? closed read; not write
        f.▮
    finally:
        f.close()
    #? closed close; not read
    f.▮


def suppressed():
    f = open("a.txt")
    with contextlib.suppress(OSError):
        f.close()
    #? closed read close; not write
    f.▮
    f.close()
    with pytest.raises(ValueError):
        #? silent
        f.▮


def rebound(files):
    f = open("a.txt")
    f.close()
    for f in files:
        #? silent
        f.▮
    g = open("a.txt")
    g.close()
    g = g or files[0]
    #? silent
    g.▮
    h = open("a.txt")
    h.close()
    del h
    #? silent
    h.▮


def shared(keep):
    lock = threading.Lock()
    keep(lock)
    #? silent
    lock.▮
    thread = threading.Thread(target=keep)
    keep.thread = thread
    #? silent
    thread.▮
    thread.start()
    #? closed join name; not start
    thread.▮
    f = open("a.txt")
    json.load(f)
    #? silent
    f.▮
    f.close()
    #? closed close; not read
    f.▮


def captured():
    lock = threading.Lock()

    def inner():
        lock.acquire()

    #? silent
    lock.▮
    return inner


def aliased():
    thread = Thread(target=print)
    other = thread
    #? silent
    thread.▮
    f = open("a.txt")
    end = f.close
    #? silent
    f.▮
    return other, end


def threads():
    thread = Thread(target=print)
    #? closed start name daemon; not join
    thread.▮
    thread.start()
    #? closed join is_alive; not start
    thread.▮


def locks():
    lock = threading.Lock()
    #? closed acquire locked; not release
    lock.▮
    with lock:
        #? silent
        lock.▮
    #? closed acquire; not release
    lock.▮
    lock.acquire(False)
    #? silent
    lock.▮


def databases():
    connection = sqlite3.connect("a.db")
    with connection:
        #? silent
        connection.▮
    #? silent
    connection.▮
    connection.close()
    #? open close row_factory; not execute cursor commit
    connection.▮
    other = dial("b.db")
    other.close()
    #? open close; not execute
    other.▮
    third = dial("c.db")
    if third.execute("select 1"):
        third.close()
    else:
        third.close()
    #? open close; not cursor commit
    third.▮
    third = dial("b.db", factory=Mine)
    third.close()
    #? silent
    third.▮
    with contextlib.closing(dial("c.db")) as fourth:
        #? silent
        fourth.▮


class Mine(sqlite3.Connection):
    def open(self):
        f = open("a.txt")
        f.close()
        #? closed close; not read
        f.▮


def sockets():
    with socket.socket() as s:
        #? silent
        s.▮
    #? closed close; not send recv connect
    s.▮
    with socket.create_connection(("h", 1)) as c:
        lines = c.makefile()
    #? silent
    c.▮
    return lines


def processes():
    process = subprocess.Popen(["a"])
    process.wait()
    #? silent
    process.▮


def paths():
    with Path("a").open("w") as f:
        #? closed write; not read
        f.▮
    #? closed close; not write read
    f.▮


def other_opens(archive):
    with archive.open("w") as f:
        #? silent
        f.▮


def whatever():
    f = open("a.txt")
    f.close()
    #? silent
    x = [f.▮ for _ in ""]
    #? silent
    x = lambda: f.▮
    g = open("a.txt")
    g.close()
    #? closed close; not read
    x = (yield g.▮)
    #? closed closed; not read
    if g.▮
    #? closed closed; not read
    x = print(g.▮
    #? silent
    g.▮ = 3
