# Attributes that a class body annotates: the annotation counts, not what a base class stores.
from __future__ import annotations

from typing import Optional


class Resource:
    def request(self): ...


class Put:
    item: Resource

    def __init__(self, resource: Resource, item: Resource):
        self.resource = resource
        self.item = item


class Request(Put):
    resource: Later

    def narrowed(self):
        #? open .resource is declared as Later
        x = self.resource.▮

    def inherited(self):
        #? closed request; not release
        x = self.item.▮


class Quoted(Put):
    resource: "Later"

    def narrowed(self):
        #? open .resource is declared as "Later"
        x = self.resource.▮


class Same(Put):
    resource: Resource

    def narrowed(self):
        #? closed request; not release
        x = self.resource.▮


class Maybe:
    held: Optional[Resource] = None

    def __init__(self):
        self.held = Resource()

    def use(self):
        #? closed request; not release
        x = self.held.▮


class Later(Resource):
    def release(self): ...


class Nowhere(Put):
    resource: Missing

    def narrowed(self):
        #? open the annotation of .resource is not known
        x = self.resource.▮
