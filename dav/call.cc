#include "dav/call.h"

#include "dav/refusal.h"

namespace holdfast::dav {

const storage::Resource& existing(const Call& call, const storage::Resolution& resolution) {
  if (!resolution.resource) throw Error(404, "nothing is mapped at the URL");
  if (call.target.trailing_slash && !resolution.resource->is_collection())
    throw Error(404, "a file's URL does not end in a slash");
  return *resolution.resource;
}

void require_parent(const storage::Resolution& resolution) {
  if (!resolution.parent) throw parent_missing("the parent collection does not exist");
  if (!resolution.parent->is_collection()) throw parent_missing("the parent is not a collection");
}

}  // namespace holdfast::dav
