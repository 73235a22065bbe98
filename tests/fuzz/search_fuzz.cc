// Any bytes as the body of a SEARCH: 400, 403 or 422, or a query within the limits, which finds the
// same among all properties that a resource can have each time it is asked, and whose order is one
// (a total preorder).
#include <string>
#include <vector>

#include "dav/search_query.h"
#include "dav/xml/document.h"
#include "tests/fuzz/property.h"

using namespace holdfast;

namespace {

storage::Member member(const char* name, storage::Kind kind, std::uint64_t size, const char* xml) {
  storage::Member made;
  made.resource.name = name;
  made.resource.kind = kind;
  made.resource.size = size;
  made.resource.etag = "e1";
  made.resource.id = static_cast<storage::NodeId>(size + 7);
  made.resource.created = 1'000'000'000'000;
  made.resource.modified = static_cast<storage::Millis>(size) * 1000;
  if (xml != nullptr) made.properties.push_back({{"urn:x", "t"}, xml});
  return made;
}

std::size_t count(const dav::SearchCondition& condition) {
  std::size_t all = 1;
  for (const dav::SearchCondition& part : condition.parts) all += count(part);
  return all;
}

int sign(int number) { return number < 0 ? -1 : number > 0 ? 1 : 0; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dav::Options options;
  static const std::vector<storage::Member> members = {
      member("", storage::Kind::collection, 0, nullptr),
      member("Report.odt", storage::Kind::file, 5, "<t xmlns=\"urn:x\">Red</t>"),
      member("\xc3\x9c"
             "ber",
             storage::Kind::file, 0, "<t xmlns=\"urn:x\"><u/></t>"),
      member("red", storage::Kind::collection, 0, "<t xmlns=\"urn:x\"/>")};
  dav::PropertyContext context;
  context.options = &options;
  try {
    const dav::xml::Document document = dav::xml::Document::parse(fuzz::text_of(data, size));
    if (document.root().children().size() != 1) return 0;
    const dav::SearchQuery query =
        dav::SearchQuery::of(document.root().children().front(), options);
    if (query.where)
      fuzz::require(count(*query.where) <= dav::kSearchConditionLimit, "condition limit");
    fuzz::require(query.order.size() <= dav::kSearchOrderLimit, "order limit");
    std::vector<std::vector<dav::SearchValue>> keys;
    for (const storage::Member& each : members) {
      const bool found = query.finds(each, context);
      fuzz::require(found == query.finds(each, context), "the same each time");
      fuzz::require(query.where || found, "without a condition, all are found");
      keys.push_back(query.keys(each, context));
    }
    for (const auto& a : keys)
      for (const auto& b : keys) {
        fuzz::require(sign(query.compare(a, b)) == -sign(query.compare(b, a)), "antisymmetric");
        for (const auto& c : keys)
          if (query.compare(a, b) <= 0 && query.compare(b, c) <= 0)
            fuzz::require(query.compare(a, c) <= 0, "transitive");
      }
  } catch (const dav::Error& error) {
    fuzz::require(error.status == 400 || error.status == 403 || error.status == 422,
                  "400, 403 or 422");
  }
  return 0;
}
