# Run by other_clients_test.cc in a folder with a file `text` and an empty folder `home`.
import os

from webdav3.client import Client

options = {'webdav_hostname': os.environ['URL']}
if os.environ['ACCOUNT']:
    options.update(webdav_login=os.environ['ACCOUNT'], webdav_password=os.environ['PASSWORD'])
c = Client(options)
assert c.check('') and not c.check('d')
c.mkdir('d')
c.upload_sync(remote_path='d/a.txt', local_path='text')
assert c.check('d/a.txt') and not c.check('d/none')
assert c.is_dir('d') and not c.is_dir('d/a.txt')
assert c.list('d') == ['a.txt'], c.list('d')
info = c.info('d/a.txt')
assert info['size'] == '9' and info['modified'].endswith(' GMT') and info['etag'], info
c.copy('d/a.txt', 'd/b.txt')
c.move('d/b.txt', 'd/c.txt')
c.download_sync(remote_path='d/c.txt', local_path='back')
assert open('back').read() == 'some text'
c.set_property('d/c.txt', {'namespace': 'urn:x', 'name': 'colour', 'value': 'red'})
assert c.get_property('d/c.txt', {'namespace': 'urn:x', 'name': 'colour'}) == 'red'
c.clean('d/c.txt')
assert c.list('d') == ['a.txt'], c.list('d')
print('all done')
