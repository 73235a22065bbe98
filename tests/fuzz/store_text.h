// All that a store says about its tree, as text that two back ends must agree on. One thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "storage/namespace.h"

namespace holdfast::fuzz {

// Ids and ETags are a back end's own affair: numbered here in the order in which they appear.
class Numbers {
 public:
  std::string of(const std::string& own) {
    return std::to_string(numbers_.emplace(own, numbers_.size() + 1).first->second);
  }

 private:
  std::map<std::string, std::size_t> numbers_;
};

inline std::string joined(std::span<const std::string> segments) {
  std::string out;
  for (const std::string& segment : segments) out += "/" + segment;
  return out;
}

inline std::string lock_text(const storage::Lock& lock) {
  return lock.token + " at " + joined(lock.root.segments()) +
         (lock.scope == storage::LockScope::shared ? " shared" : " exclusive") +
         (lock.infinite ? " infinite " : " ") + lock.owner + " " + std::to_string(lock.creator) +
         " " + std::to_string(lock.granted) + "+" + std::to_string(lock.timeout_s);
}

inline std::string lock_texts(const std::vector<storage::Lock>& locks) {
  std::map<std::string, std::string> sorted;
  for (const storage::Lock& lock : locks) sorted[lock.token] = lock_text(lock);
  std::string out;
  for (const auto& [token, text] : sorted) out += "\n  lock " + text;
  return out;
}

inline std::string digest_text(const storage::Checksums& checksums) {
  std::string out(checksums.sha256.begin(), checksums.sha256.end());
  if (checksums.sha1) out.append(checksums.sha1->begin(), checksums.sha1->end());
  if (checksums.md5) out.append(checksums.md5->begin(), checksums.md5->end());
  return out;
}

// Every resource with all that hangs on it, in path order, then the counts.
inline std::string text_of(const storage::Snapshot& snapshot) {
  struct Row {
    storage::Resource resource;
    std::string text;
  };
  std::map<std::string, Row> rows;
  const storage::Wanted everything{.properties = true, .locks = true, .checksums = true};
  snapshot.members(
      snapshot.resolve({}), storage::Depth::infinity, everything,
      [&](const storage::Member& member) {
        const storage::Resource& resource = member.resource;
        Row& row = rows[joined(member.segments)];
        row.resource = resource;
        row.text = (resource.is_collection() ? " collection " : " file ") +
                   std::to_string(resource.size) + " " + std::to_string(resource.created) + " " +
                   std::to_string(resource.modified.at) + "/" +
                   std::to_string(static_cast<int>(resource.modified.mark)) + " " +
                   std::to_string(resource.stored);
        if (member.checksums) row.text += " " + digest_text(*member.checksums);
        for (const storage::Property& property : member.properties)
          row.text += "\n  " + property.name.xmlns + "|" + property.name.name + "=" + property.xml;
        row.text += lock_texts(member.locks);
      });
  Numbers tags;
  std::string out;
  for (const auto& [path, row] : rows) {
    out += path + row.text;
    if (!row.resource.is_collection()) {
      const storage::Content content = snapshot.content(row.resource);
      out += "\n  content " + tags.of(row.resource.etag) + " " + content.blob + " " + content.bytes;
    }
    out += "\n";
  }
  const storage::Usage usage = snapshot.usage();
  return out + std::to_string(usage.resources) + " resources, " + std::to_string(usage.bytes) +
         " bytes" + lock_texts(snapshot.all_locks(1000)) + "\n";
}

}  // namespace holdfast::fuzz
