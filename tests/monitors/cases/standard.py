# What the stubs of the standard library say in ways of their own.
import http.client
import socket
import ssl
import subprocess
import sys
from sys import stderr


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
