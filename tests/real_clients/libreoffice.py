# Run by other_clients_test.cc: LibreOffice without a screen makes a document at the URL, opens it
# again, saves it, and holds its lock meanwhile.
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException

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


def put():
    """What somebody else gets who writes now."""
    request = urllib.request.Request(url, data=b'mine', method='PUT')
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code


try:
    hidden = (value('Hidden', True),)
    url = os.environ['URL'] + 'letter.odt'
    new = desktop.loadComponentFromURL('private:factory/swriter', '_blank', 0, hidden)
    new.Text.setString('Dear reader')
    new.storeAsURL(url, (value('FilterName', 'writer8'),))
    new.close(True)
    again = desktop.loadComponentFromURL(url, '_blank', 0, hidden)
    assert again.Text.getString() == 'Dear reader'
    assert not again.isReadonly()
    print('locked:', put())
    again.Text.setString('Dear reader, once more')
    again.store()
    again.close(True)
    copy = desktop.loadComponentFromURL(url, '_blank', 0, hidden)
    assert copy.Text.getString() == 'Dear reader, once more'
    copy.close(True)
    print('unlocked:', put())
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
