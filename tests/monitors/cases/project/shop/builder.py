"""A fluent builder, in another file than its uses."""

from __future__ import annotations


class Node:
    def __init__(self, ip: str, port: int) -> None:
        self.ip = ip
        self.port = port


class Builder:
    def with_ip(self, ip: str) -> Builder:
        return self

    def with_port(self, port: int) -> Builder:
        return self

    def build(self) -> Node:
        return Node("", 0)


def new_builder() -> Builder:
    return Builder()


class Stopped:
    def reset(self) -> Idle: ...


class Idle:
    def prepare(self) -> Prepared: ...


class Prepared:
    def start(self) -> Stopped: ...
