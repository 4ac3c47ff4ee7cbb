# Attributes that the code expects may be missing, and modules that fill themselves.
import contextlib
import os
import sys

import shop.filled
import shop.looked


class Port:
    def __init__(self):
        self.name = ""

    def handlers(self):
        try:
            #? open tried
            x = self.▮
        except AttributeError:
            x = None
        try:
            #? open tried
            x = self.▮
        except (KeyError, AttributeError):
            x = None
        try:
            #? open tried
            x = self.▮
        except Exception:
            x = None
        try:
            #? open tried
            x = self.▮
        except:
            x = None
        try:
            #? closed name handlers
            x = self.▮
        except KeyError:
            #? closed name handlers
            x = self.▮
        with contextlib.suppress(AttributeError):
            #? open tried
            x = self.▮
        with contextlib.suppress(KeyError):
            #? closed name handlers
            x = self.▮

    def asked(self):
        a = getattr(self, "other", None)
        #? open getattr
        x = self.▮

    def required(self):
        a = getattr(self, "name")
        #? closed name asked
        x = self.▮


def modules():
    #? open globals in shop.filled
    x = shop.filled.▮
    #? closed KNOWN find; not choose
    x = shop.looked.▮
    #? closed _getframe _current_frames path; not _nothing
    x = sys.▮
    #? closed _exit path
    x = os.▮
