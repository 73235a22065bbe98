// Any bytes as an If header: 400, or lists within the limits that mean the same when written again.
#include "dav/if_header.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

std::string written(const dav::IfHeader& header) {
  std::string out;
  for (const dav::IfList& list : header.lists) {
    if (list.resource) out += "<" + *list.resource + ">";
    out += "(";
    for (const dav::IfCondition& condition : list.conditions) {
      fuzz::require(condition.state_token.has_value() != condition.entity_tag.has_value(),
                    "a condition is a token or a tag");
      if (condition.negated) out += "Not";
      out += condition.state_token ? "<" + *condition.state_token + ">"
                                   : "[" + condition.entity_tag.value_or("") + "]";
    }
    out += ")";
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const dav::IfHeader header = dav::parse_if(fuzz::text_of(data, size));
    fuzz::require(!header.lists.empty() && header.lists.size() <= dav::IfLimits{}.lists,
                  "list limit");
    std::size_t conditions = 0;
    for (const dav::IfList& list : header.lists) {
      fuzz::require(!list.conditions.empty(), "no empty list");
      fuzz::require(list.resource.has_value() == header.lists.front().resource.has_value(),
                    "all tagged or none");
      conditions += list.conditions.size();
    }
    fuzz::require(conditions <= dav::IfLimits{}.conditions, "condition limit");
    const std::string once = written(header);
    const dav::IfHeader again = dav::parse_if(once);
    fuzz::require(written(again) == once, "written and read again");
    fuzz::require(again.submitted_tokens() == header.submitted_tokens(), "the same tokens");
  } catch (const dav::Error& error) {
    fuzz::require(error.status == 400, "400");
  }
  return 0;
}
