# Run by other_clients_test.cc: LibreOffice without a screen makes a document at the URL, opens it
# again, saves it, holds its lock meanwhile, and brings its first version back.
import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urljoin

import uno
import unohelper
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException
from com.sun.star.task import XInteractionHandler2

account, password = os.environ['ACCOUNT'], os.environ['PASSWORD']
asked = 0


class Person(unohelper.Base, XInteractionHandler2):
    """Whom LibreOffice asks for the password."""

    def handleInteractionRequest(self, request):
        self.handle(request)
        return True

    def handle(self, request):
        global asked
        for each in request.getContinuations():
            if hasattr(each, 'setPassword'):
                asked += 1
                each.setUserName(account)
                each.setPassword(password)
                each.select()
                return


pipe = 'holdfast%d' % os.getpid()
office = subprocess.Popen(['soffice', '--headless', '--norestore', '--nologo',
                           '--accept=pipe,name=%s;urp' % pipe,
                           '-env:UserInstallation=file://%s/office' % os.environ['HOME']])
local = uno.getComponentContext()
resolver = local.ServiceManager.createInstanceWithContext(
    'com.sun.star.bridge.UnoUrlResolver', local)
deadline = time.monotonic() + 200
while True:
    try:
        context = resolver.resolve('uno:pipe,name=%s;urp;StarOffice.ComponentContext' % pipe)
        break
    except NoConnectException:
        if time.monotonic() > deadline:
            sys.exit('soffice does not come up')
        time.sleep(0.2)
desktop = context.ServiceManager.createInstanceWithContext('com.sun.star.frame.Desktop', context)


def value(name, what):
    return PropertyValue(Name=name, Value=what)


def ask(method, target, fields={}, body=None):
    """What another program asks."""
    request = urllib.request.Request(target, data=body, method=method, headers=fields)
    if account:
        secret = base64.b64encode((account + ':' + password).encode()).decode()
        request.add_header('Authorization', 'Basic ' + secret)
    return urllib.request.urlopen(request)


def put():
    """What another program gets that writes now."""
    try:
        return ask('PUT', url, body=b'mine').status
    except urllib.error.HTTPError as error:
        return error.code


try:
    person = (value('InteractionHandler', Person()),) if account else ()
    hidden = (value('Hidden', True),) + person
    url = os.environ['URL'] + 'letter.odt'
    new = desktop.loadComponentFromURL('private:factory/swriter', '_blank', 0, hidden)
    new.Text.setString('Dear reader')
    new.storeAsURL(url, (value('FilterName', 'writer8'),) + person)
    new.close(True)
    again = desktop.loadComponentFromURL(url, '_blank', 0, hidden)
    assert again.Text.getString() == 'Dear reader'
    assert not again.isReadonly()
    print('locked:', put())
    # What one person stores twice in a minute is one version.
    time.sleep(61)
    again.Text.setString('Dear reader, once more')
    again.store()
    again.close(True)
    copy = desktop.loadComponentFromURL(url, '_blank', 0, hidden)
    assert copy.Text.getString() == 'Dear reader, once more'
    copy.close(True)
    print('unlocked:', put())
    # Another program has written nonsense: the letter comes back, and the one before.
    def letter():
        shown = desktop.loadComponentFromURL(url, '_blank', 0, hidden)
        text = shown.Text.getString()
        shown.close(True)
        return text

    versions = json.load(ask('GET', url + '?history'))['versions']
    print('versions:', len(versions))
    ask('COPY', urljoin(url, versions[-1]['href']), {'Destination': url})
    assert letter() == 'Dear reader'
    assert (asked > 0) == bool(account)
    print('all done', flush=True)
finally:
    try:
        desktop.terminate()
    except Exception:
        pass
    try:
        office.wait(60)
    except subprocess.TimeoutExpired:
        office.kill()
