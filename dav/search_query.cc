#include "dav/search_query.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dav/headers.h"
#include "dav/sync_client.h"
#include "dav/xml/output.h"
#include "http/date.h"
#include "http/media_type.h"
#include "text/ascii.h"
#include "text/utf8.h"

namespace holdfast::dav {
namespace {

using storage::Member;
using Operator = SearchCondition::Operator;

// A sort holds values for each resource, so they are short.
constexpr std::size_t kOrderTextBytes = 256;

// A live property that can be compared.
struct Comparable {
  std::string_view xmlns;
  std::string_view name;
  Comparison comparison;
  std::string_view datatype;  // local name in XML Schema (RFC 5323 §5.18.2)
  // Sets the value of a member that has the property.
  void (*read)(SearchValue& value, const Member& member, const PropertyContext& context);
};

void read_modified(SearchValue& value, const Member& member, const PropertyContext&) {
  value.date = http::second_of(member.resource.modified.at);
}

void read_created(SearchValue& value, const Member& member, const PropertyContext&) {
  value.date = member.resource.created / 1000;
}

void read_size(SearchValue& value, const Member& member, const PropertyContext&) {
  value.number = member.resource.size;
}

void read_file_number(SearchValue& value, const Member& member, const PropertyContext&) {
  value.number = static_cast<std::uint64_t>(member.resource.id);
}

void read_file_id(SearchValue& value, const Member& member, const PropertyContext&) {
  value.text = file_id(member.resource.id);
}

void read_name(SearchValue& value, const Member& member, const PropertyContext& context) {
  value.text = member.resource.name.empty() ? context.root_name : member.resource.name;
}

void read_type(SearchValue& value, const Member& member, const PropertyContext&) {
  value.text = http::content_type(member.resource.name);
}

void read_etag(SearchValue& value, const Member& member, const PropertyContext& context) {
  const bool collection = member.resource.is_collection();
  value.text = "\"" + (collection ? context.collection_tag : member.resource.etag) + "\"";
}

constexpr std::string_view kOwnCloudNames = "http://owncloud.org/ns";

// clang-format off
constexpr Comparable kComparable[] = {
    // namespace, name, comparison, datatype, read
    {xml::kDav,      "displayname",      Comparison::text,   "string",             read_name},
    {xml::kDav,      "getcontentlength", Comparison::number, "nonNegativeInteger", read_size},
    {xml::kDav,      "getcontenttype",   Comparison::text,   "string",             read_type},
    {xml::kDav,      "getetag",          Comparison::text,   "string",             read_etag},
    {xml::kDav,      "getlastmodified",  Comparison::date,   "dateTime",           read_modified},
    {xml::kDav,      "creationdate",     Comparison::date,   "dateTime",           read_created},
    {xml::kDav,      "lastmodified",     Comparison::date,   "dateTime",           read_modified},
    {"urn:schemas-microsoft-com:",
                     "Win32LastModifiedTime", Comparison::date, "dateTime",        read_modified},
    {kOwnCloudNames, "id",               Comparison::text,   "string",             read_file_id},
    {kOwnCloudNames, "fileid",           Comparison::number, "nonNegativeInteger", read_file_number},
    {kOwnCloudNames, "size",             Comparison::number, "nonNegativeInteger", read_size},
};
// clang-format on

const Comparable* find_comparable(const storage::PropertyName& name) {
  for (const Comparable& row : kComparable)
    if (row.name == name.name && row.xmlns == name.xmlns) return &row;
  return nullptr;
}

struct OperatorName {
  std::string_view name;
  Operator op;
};
constexpr std::array<OperatorName, 3> kJunctions = {
    {{"and", Operator::all}, {"or", Operator::any}, {"not", Operator::negation}}};
constexpr std::array<OperatorName, 6> kComparisons = {{{"eq", Operator::eq},
                                                       {"lt", Operator::lt},
                                                       {"lte", Operator::lte},
                                                       {"gt", Operator::gt},
                                                       {"gte", Operator::gte},
                                                       {"like", Operator::like}}};

template <std::size_t N>
std::optional<Operator> operator_of(const std::array<OperatorName, N>& table,
                                    const xml::Element& element) {
  for (const OperatorName& row : table)
    if (element.is_dav(row.name)) return row.op;
  return std::nullopt;
}

Error unsupported_query(std::string sentence) { return {422, std::move(sentence)}; }

std::string_view without_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// Returns the only child element DAV:local. Throws Error 400.
xml::Element only_child(const xml::Element& element, std::string_view local) {
  std::optional<xml::Element> found;
  for (const xml::Element& child : element.children()) {
    if (!child.is_dav(local)) continue;
    if (found) throw Error(400, std::string(local) + " stands twice");
    found = child;
  }
  if (!found) throw Error(400, std::string(local) + " is missing in the query");
  return *found;
}

// Returns the property that the prop element in `element` names.
SearchProperty property_in(const xml::Element& element) {
  const std::vector<xml::Element> named = only_child(element, "prop").children();
  if (named.size() != 1) throw Error(400, "prop names one property in a condition and an order");
  SearchProperty property;
  property.name = named.front().name();
  property.live = find_live(property.name);
  if (property.live != nullptr) {
    const Comparable* const row = find_comparable(property.name);
    property.comparison = row == nullptr ? Comparison::none : row->comparison;
  }
  return property;
}

void require_comparable(const SearchProperty& property) {
  if (property.comparison == Comparison::none)
    throw unsupported_query("the property " + property.name.name + " cannot be compared");
}

bool is_caseless(const xml::Element& element, bool otherwise) {
  const std::optional<std::string> value = element.attribute("caseless");
  if (!value) return otherwise;
  if (*value != "yes" && *value != "no") throw Error(400, "caseless is neither yes nor no");
  return *value == "yes";
}

std::string literal_in(const xml::Element& element) {
  const auto literal = element.child_dav("literal");
  const auto typed = element.child_dav("typed-literal");
  if (literal.has_value() == typed.has_value()) throw Error(400, "a comparison needs one literal");
  std::string text = literal ? literal->text() : typed->text();
  if (text.size() > kSearchTextLimit) throw unsupported_query("a literal of the query is too long");
  return text;
}

void set_literal(SearchCondition& condition, const std::string& text) {
  SearchValue& literal = condition.literal;
  literal.kind = condition.property.comparison;
  if (literal.kind == Comparison::number) {
    const auto number = text::parse_number<std::uint64_t>(without_space(text));
    if (!number)
      throw unsupported_query("the literal for " + condition.property.name.name +
                              " is no number from 0 on");
    literal.number = *number;
  } else if (literal.kind == Comparison::date) {
    const auto date = http::parse_any_date(text);
    if (!date)
      throw unsupported_query("the literal for " + condition.property.name.name + " is no date");
    literal.date = *date;
  } else {
    literal.text = text::comparable(text, condition.caseless);
  }
}

void set_comparison(SearchCondition& condition, const xml::Element& element) {
  condition.property = property_in(element);
  require_comparable(condition.property);
  const bool like = condition.op == Operator::like;
  condition.caseless = is_caseless(element, like);
  const std::string literal = literal_in(element);
  if (!like) return set_literal(condition, literal);
  if (condition.property.comparison != Comparison::text)
    throw unsupported_query("like compares texts only");
  condition.pattern.emplace(literal, condition.caseless);
}

// Appends the condition of an element. Conditions are nested as deep as a document may be.
void append_condition(std::vector<SearchCondition>& conditions, const xml::Element& element,
                      std::size_t& count) {
  if (++count > kSearchConditionLimit) throw unsupported_query("the query has too many conditions");
  SearchCondition& condition = conditions.emplace_back();
  if (const auto junction = operator_of(kJunctions, element)) {
    condition.op = *junction;
    const std::vector<xml::Element> parts = element.children();
    if (parts.empty() || (condition.op == Operator::negation && parts.size() > 1))
      throw Error(400, element.name().name + " has the wrong number of conditions");
    for (const xml::Element& part : parts) append_condition(condition.parts, part, count);
  } else if (const auto comparison = operator_of(kComparisons, element)) {
    condition.op = *comparison;
    set_comparison(condition, element);
  } else if (element.is_dav("is-collection")) {
    condition.op = Operator::is_collection;
  } else if (element.is_dav("is-defined")) {
    condition.op = Operator::is_defined;
    condition.property = property_in(element);
  } else {
    throw unsupported_query("the operator " + element.name().name + " is not supported");
  }
}

void add_orders(std::vector<SearchOrder>& orders, const xml::Element& orderby) {
  for (const xml::Element& element : orderby.children()) {
    if (!element.is_dav("order")) continue;
    if (orders.size() == kSearchOrderLimit)
      throw unsupported_query("the query has too many orders");
    if (element.child_dav("score")) throw unsupported_query("results have no score");
    SearchOrder& order = orders.emplace_back();
    order.property = property_in(element);
    require_comparable(order.property);
    order.caseless = is_caseless(element, true);
    order.descending = element.child_dav("descending").has_value();
    if (order.descending && element.child_dav("ascending"))
      throw Error(400, "an order is either ascending or descending");
  }
  if (orders.empty()) throw Error(400, "orderby has no order");
}

const storage::Property* find_dead_value(const Member& member, const storage::PropertyName& name) {
  for (const storage::Property& property : member.properties)
    if (property.name == name) return &property;
  return nullptr;
}

bool may_be_stored(const SearchProperty& property) {
  return property.live == nullptr || property.live->patch == LiveProperty::Patch::stored;
}

bool has(const SearchProperty& property, const Member& member, const PropertyContext& context) {
  if (may_be_stored(property) && find_dead_value(member, property.name) != nullptr) return true;
  if (property.live == nullptr || !is_defined(*property.live, member, context)) return false;
  if ((property.live->needs & LiveProperty::folder_size) != 0)
    return !member.resource.is_collection();
  return (property.live->needs & LiveProperty::checksums) == 0 || member.checksums.has_value();
}

// Returns the value of a member's property, or one of the kind `none` when the member does not have
// it, or it holds elements.
SearchValue value_of(const SearchProperty& property, const Member& member,
                     const PropertyContext& context) {
  SearchValue value;
  if (may_be_stored(property)) {
    if (const storage::Property* const dead = find_dead_value(member, property.name)) {
      // The store holds well-formed elements; their limits were judged when they were stored.
      const xml::Document document = xml::Document::parse(dead->xml, context.options->xml);
      if (!document.root().children().empty()) return value;
      value.kind = Comparison::text;
      value.text = document.root().text();
      return value;
    }
  }
  const Comparable* const row = property.live == nullptr ? nullptr : find_comparable(property.name);
  if (row == nullptr || !is_defined(*property.live, member, context)) return value;
  // Conditions and orders do not add up what lies in collections.
  if ((property.live->needs & LiveProperty::folder_size) != 0 && member.resource.is_collection())
    return value;
  value.kind = row->comparison;
  row->read(value, member, context);
  return value;
}

template <class Value>
int order_of(const Value& a, const Value& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

// Compares values of one kind; texts must be comparable.
int compare_values(const SearchValue& a, const SearchValue& b) {
  switch (a.kind) {
    case Comparison::number:
      return order_of(a.number, b.number);
    case Comparison::date:
      return order_of(a.date, b.date);
    default:
      return order_of(a.text, b.text);
  }
}

// The values of the logic of RFC 5323 §5.5.1, such that `and` is the least and `or` the greatest.
enum class Truth { no, unknown, yes };

Truth truth_of(bool value) { return value ? Truth::yes : Truth::no; }

Truth judge_comparison(const SearchCondition& condition, const Member& member,
                       const PropertyContext& context) {
  SearchValue value = value_of(condition.property, member, context);
  if (value.kind == Comparison::none) return Truth::unknown;
  if (condition.op == Operator::like) return truth_of(condition.pattern->matches(value.text));
  if (value.kind == Comparison::text) value.text = text::comparable(value.text, condition.caseless);
  const int order = compare_values(value, condition.literal);
  switch (condition.op) {
    case Operator::lt:
      return truth_of(order < 0);
    case Operator::lte:
      return truth_of(order <= 0);
    case Operator::gt:
      return truth_of(order > 0);
    case Operator::gte:
      return truth_of(order >= 0);
    default:
      return truth_of(order == 0);
  }
}

Truth judge(const SearchCondition& condition, const Member& member,
            const PropertyContext& context) {
  switch (condition.op) {
    case Operator::all: {
      Truth least = Truth::yes;
      for (const SearchCondition& part : condition.parts) {
        least = std::min(least, judge(part, member, context));
        if (least == Truth::no) break;
      }
      return least;
    }
    case Operator::any: {
      Truth greatest = Truth::no;
      for (const SearchCondition& part : condition.parts) {
        greatest = std::max(greatest, judge(part, member, context));
        if (greatest == Truth::yes) break;
      }
      return greatest;
    }
    case Operator::negation: {
      const Truth truth = judge(condition.parts.front(), member, context);
      return truth == Truth::unknown ? truth : truth_of(truth == Truth::no);
    }
    case Operator::is_collection:
      return truth_of(member.resource.is_collection());
    case Operator::is_defined:
      return truth_of(has(condition.property, member, context));
    default:
      return judge_comparison(condition, member, context);
  }
}

void need(storage::Wanted& wanted, const SearchProperty& property) {
  if (may_be_stored(property)) wanted.properties = true;
  if (property.live != nullptr && (property.live->needs & LiveProperty::checksums) != 0)
    wanted.checksums = true;
}

void need(storage::Wanted& wanted, const SearchCondition& condition) {
  for (const SearchCondition& part : condition.parts) need(wanted, part);
  if (condition.parts.empty() && condition.op != Operator::is_collection)
    need(wanted, condition.property);
}

}  // namespace

SearchScope SearchQuery::scope_of(const xml::Element& basicsearch) {
  const xml::Element from = only_child(basicsearch, "from");
  std::size_t scopes = 0;
  for (const xml::Element& each : from.children()) scopes += each.is_dav("scope") ? 1 : 0;
  if (scopes > 1) throw Error(Precondition::search_multiple_scope_supported, "a second scope");
  const xml::Element scope = only_child(from, "scope");
  if (scope.child_dav("include-versions")) throw unsupported_query("versions are not searched");
  SearchScope result;
  result.href = without_space(only_child(scope, "href").text());
  const std::string text = only_child(scope, "depth").text();
  const std::string_view depth = without_space(text);
  if (depth == "0") {
    result.depth = storage::Depth::zero;
  } else if (depth == "1") {
    result.depth = storage::Depth::one;
  } else if (depth != "infinity") {
    throw Error(400, "the depth of a scope is neither 0, 1 nor infinity");
  }
  return result;
}

SearchQuery SearchQuery::of(const xml::Element& basicsearch, const Options& options) {
  SearchQuery query;
  const xml::Element select = only_child(basicsearch, "select");
  const auto prop = select.child_dav("prop");
  if (prop.has_value() == select.child_dav("allprop").has_value())
    throw Error(400, "select needs either prop or allprop");
  if (prop) query.select = PropFind::of(*prop, options);
  query.scope = scope_of(basicsearch);
  if (basicsearch.child_dav("where")) {
    const std::vector<xml::Element> conditions = only_child(basicsearch, "where").children();
    if (conditions.size() != 1) throw Error(400, "where needs one condition");
    std::vector<SearchCondition> parsed;
    std::size_t count = 0;
    append_condition(parsed, conditions.front(), count);
    query.where = std::move(parsed.front());
  }
  if (basicsearch.child_dav("orderby")) add_orders(query.order, only_child(basicsearch, "orderby"));
  if (basicsearch.child_dav("limit")) {
    const std::string text = only_child(only_child(basicsearch, "limit"), "nresults").text();
    const auto most = text::parse_number(without_space(text));
    if (!most || *most == 0) throw Error(400, "limit has no positive number in nresults");
    query.most = *most;
  }
  return query;
}

storage::Wanted SearchQuery::wanted() const {
  storage::Wanted wanted;
  if (where) need(wanted, *where);
  for (const SearchOrder& each : order) need(wanted, each.property);
  return wanted;
}

bool SearchQuery::finds(const Member& member, const PropertyContext& context) const {
  return !where || judge(*where, member, context) == Truth::yes;
}

std::vector<SearchValue> SearchQuery::keys(const Member& member,
                                           const PropertyContext& context) const {
  std::vector<SearchValue> keys;
  keys.reserve(order.size());
  for (const SearchOrder& each : order) {
    SearchValue value = value_of(each.property, member, context);
    if (value.kind == Comparison::text) {
      value.text = text::comparable(value.text, each.caseless);
      if (value.text.size() > kOrderTextBytes) value.text.resize(kOrderTextBytes);
      value.text.shrink_to_fit();
    }
    keys.push_back(std::move(value));
  }
  return keys;
}

int SearchQuery::compare(const std::vector<SearchValue>& a,
                         const std::vector<SearchValue>& b) const {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool has_a = a[i].kind != Comparison::none;
    const bool has_b = b[i].kind != Comparison::none;
    const int result = has_a && has_b ? compare_values(a[i], b[i])
                                      : static_cast<int>(has_a) - static_cast<int>(has_b);
    if (result != 0) return order[i].descending ? -result : result;
  }
  return 0;
}

void append_search_schema(std::string& out) {
  out += "<D:basicsearchschema><D:properties>";
  for (const Comparable& row : kComparable) {
    out += "<D:propdesc><D:prop>";
    xml::append_empty_element(out, row.xmlns, row.name);
    out.append("</D:prop><D:datatype><xs:").append(row.datatype);
    out.append(" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"/></D:datatype>");
    out += "<D:searchable/><D:selectable/><D:sortable/>";
    if (row.comparison == Comparison::text) out += "<D:caseless/>";
    out += "</D:propdesc>";
  }
  out +=
      "<D:propdesc><D:any-other-property/><D:searchable/><D:selectable/><D:sortable/>"
      "</D:propdesc></D:properties><D:operators>";
  for (const OperatorName& row : kComparisons)
    out.append("<D:opdesc allow-pcdata=\"yes\"><D:")
        .append(row.name)
        .append("/><D:operand-property/><D:operand-literal/></D:opdesc>");
  out +=
      "<D:opdesc><D:is-collection/></D:opdesc>"
      "<D:opdesc><D:is-defined/><D:operand-property/></D:opdesc>"
      "</D:operators></D:basicsearchschema>";
}

}  // namespace holdfast::dav
