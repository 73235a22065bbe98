// A tree of 11 resources with one of everything that a database can hold.
#pragma once

#include <string>

#include "tests/support/memory_store.h"

namespace holdfast::fuzz {

inline void fill_with_samples(storage::Namespace& names, storage::ContentStore& contents) {
  const auto upload = contents.begin({.sha1 = true, .md5 = true});
  const std::string large(storage::kInlineLimitBytes + 1, 'l');
  upload->append(large);
  const storage::Content file = upload->seal();
  upload->keep();
  names.write(storage::Flush::required, [&](storage::Transaction& tx) {
    const storage::Resource root = *tx.resolve({}).resource;
    storage::Content content;
    content.bytes = "hello";
    content.size = content.bytes.size();
    const auto a = tx.make_collection(root, "a", storage::kNobody);
    const auto b = tx.make_collection(a, "b", storage::kNobody);
    const auto c = tx.make_collection(b, "c", storage::kNobody);
    const auto text = tx.put(c, "t.txt", content, std::nullopt, storage::kNobody);
    const auto big = tx.put(a, "big", file, std::nullopt, storage::kNobody);
    (void)tx.put(root, "e\xCC\x81", content, std::nullopt, storage::kNobody);
    (void)tx.copy_tree(b, true, root, "copy", storage::kNobody);
    const storage::PropertyChange changes[] = {{{"urn:x", "p"}, "<p xmlns=\"urn:x\">v</p>"},
                                               {{"", "q"}, "<q/>"}};
    tx.patch_properties(text.id, changes);
    tx.patch_properties(a.id, changes);
    int token = 0;
    for (const storage::NodeId id : {a.id, c.id, text.id, big.id}) {
      storage::Lock lock;
      lock.token = "urn:" + std::to_string(++token);
      lock.root_id = id;
      lock.infinite = token % 2 == 1;
      lock.scope = storage::LockScope::shared;
      lock.owner = "<o>me</o>";
      lock.timeout_s = 600;
      (void)tx.add_lock(std::move(lock));
    }
  });
  const auto second = contents.begin({});
  second->append(large);
  const storage::Content replaced = second->seal();
  second->keep();
  for (const storage::Content& each : {replaced, file})
    names.write(storage::Flush::required, [&](storage::Transaction& tx) {
      (void)tx.put(*tx.resolve({}).resource, "again", each, std::nullopt, storage::kNobody);
    });
}

}  // namespace holdfast::fuzz
