// What a SEARCH requests in the grammar DAV:basicsearch (RFC 5323 §5): the properties that are
// shown (select), where is searched (from), which resources are found (where), and in which order
// and how many of them (orderby, limit). The properties that can be compared are the rows of one
// table; dead properties are compared as texts. Parsing and judging are pure functions; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dav/property.h"
#include "dav/propfind_request.h"
#include "dav/xml/document.h"
#include "storage/namespace.h"
#include "text/like.h"

namespace holdfast::dav {

// Limits of one query; what exceeds them is 422. They bound what one resource costs.
inline constexpr std::size_t kSearchConditionLimit = 64;  // comparisons in a where element
inline constexpr std::size_t kSearchOrderLimit = 8;       // order elements
inline constexpr std::size_t kSearchTextLimit = 1024;     // bytes of a literal

// How a property is compared. Properties that cannot be compared can be asked for by is-defined.
enum class Comparison { none, text, number, date };

struct SearchProperty {
  storage::PropertyName name;
  const LiveProperty* live = nullptr;        // null for a dead property
  Comparison comparison = Comparison::text;  // of the live property
};

// The value of a property in a comparison. A date is in Unix seconds.
struct SearchValue {
  Comparison kind = Comparison::none;
  std::uint64_t number = 0;
  std::int64_t date = 0;
  std::string text;
};

// A condition with what it is made of, in the order of the document.
struct SearchCondition {
  enum class Operator { all, any, negation, eq, lt, lte, gt, gte, like, is_collection, is_defined };
  Operator op = Operator::all;
  std::vector<SearchCondition> parts;  // of all, any and negation
  SearchProperty property;             // of the others, but is_collection
  SearchValue literal;                 // comparable (text/like.h)
  bool caseless = false;
  std::optional<text::LikePattern> pattern;
};

struct SearchOrder {
  SearchProperty property;
  bool descending = false;
  bool caseless = true;
};

// The scope of a search as its client wrote it (RFC 5323 §5.4.1).
struct SearchScope {
  std::string href;
  storage::Depth depth = storage::Depth::infinity;
};

struct SearchQuery {
  PropFind select;
  SearchScope scope;
  std::optional<SearchCondition> where;  // without it, everything in the scope is found
  std::vector<SearchOrder> order;
  std::uint64_t most = 0;  // 0: no limit

  // Parses a basicsearch element. Throws Error 400 for what does not have the grammar's form, 403
  // search-multiple-scope-supported for a second scope, and 422 for operators, comparisons and
  // numbers of them that this server does not support.
  [[nodiscard]] static SearchQuery of(const xml::Element& basicsearch, const Options& options);
  // Returns the scope of a basicsearch element that asks for the schema (RFC 5323 §4), or of a
  // search. Throws as `of`.
  [[nodiscard]] static SearchScope scope_of(const xml::Element& basicsearch);

  // Returns what must be read of each resource to judge and to order it.
  [[nodiscard]] storage::Wanted wanted() const;
  // Returns true when the resource is found: the condition is true, neither false nor unknown
  // (RFC 5323 §5.5.1).
  [[nodiscard]] bool finds(const storage::Member& member, const PropertyContext& context) const;
  // Returns the values by which the resource is ordered, one for each element of `order`.
  [[nodiscard]] std::vector<SearchValue> keys(const storage::Member& member,
                                              const PropertyContext& context) const;
  // Returns a negative number, 0 or a positive one when keys `a` come before `b`, are equal, or
  // come behind. A resource without the property comes before those that have it (RFC 5323 §5.6.1).
  [[nodiscard]] int compare(const std::vector<SearchValue>& a,
                            const std::vector<SearchValue>& b) const;
};

// Appends the DAV:basicsearchschema element: what can be searched, shown and sorted, and by which
// operators (RFC 5323 §5.18).
void append_search_schema(std::string& out);

}  // namespace holdfast::dav
