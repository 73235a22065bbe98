#include "tests/clients/wire.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <pugixml.hpp>
#include <regex>

namespace holdfast::test {
namespace {

std::string_view local(std::string_view name) {
  const std::size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

// The namespace that `node`'s prefix is bound to.
std::string xmlns_of(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const std::size_t colon = name.find(':');
  const std::string attribute =
      colon == std::string_view::npos ? "xmlns" : "xmlns:" + std::string(name.substr(0, colon));
  for (pugi::xml_node at = node; at; at = at.parent())
    if (const auto value = at.attribute(attribute.c_str())) return value.value();
  return {};
}

std::string all_text(const pugi::xml_node& node) {
  std::string text;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
      text += child.value();
    else
      text += all_text(child);
  }
  return text;
}

std::string path_of(std::string_view what) {
  std::string path(what.substr(what.find(' ') + 1));
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// What the strictest reader of each rule wants of a 207 (clients R9 to R15).
void require_form(const WireAnswer& answer, std::string_view what) {
  SCOPED_TRACE(std::string(what) + "\n" + answer.body);
  EXPECT_EQ(answer.field("content-type"), "application/xml; charset=utf-8");
  EXPECT_NE(answer.body.find("<D:multistatus xmlns:D=\"DAV:\""), std::string::npos);
  EXPECT_EQ(answer.body.find(" xmlns=\""), std::string::npos) << "a default namespace";
  EXPECT_EQ(answer.body.find(">\n"), std::string::npos) << "white space between elements";
  // KIO and Nextcloud compare the status line with this text.
  for (std::size_t at = 0; (at = answer.body.find("<D:status>", at)) != std::string::npos; ++at)
    EXPECT_TRUE(std::regex_search(answer.body.substr(at + 10, 40),
                                  std::regex("^HTTP/1\\.1 [2-5][0-9]{2} [A-Z]")));
}

void parse(WireAnswer& answer, std::string_view what) {
  pugi::xml_document document;
  ASSERT_TRUE(
      document.load_string(answer.body.c_str(), pugi::parse_default | pugi::parse_ws_pcdata))
      << answer.body;
  for (const pugi::xml_node& response : document.document_element().children()) {
    if (local(response.name()) != "response") continue;
    Entry& entry = answer.entries.emplace_back();
    bool first = true;
    for (const pugi::xml_node& part : response.children()) {
      if (local(part.name()) == "href") entry.href = part.text().get();
      if (local(part.name()) != "propstat") continue;
      int status = 0;
      const pugi::xml_node* prop = nullptr;
      std::vector<pugi::xml_node> children(part.begin(), part.end());
      for (const pugi::xml_node& child : children) {
        if (local(child.name()) == "status")
          status = std::stoi(std::string(child.text().get() + 9));
        if (local(child.name()) == "prop") prop = &child;
      }
      EXPECT_TRUE(first || status != 200) << "the 200 propstat is not the first";
      first = false;
      ASSERT_NE(prop, nullptr);
      for (const pugi::xml_node& each : prop->children()) {
        Property property{.xmlns = xmlns_of(each),
                          .name = std::string(local(each.name())),
                          .text = all_text(each),
                          .children = {},
                          .status = status};
        for (const pugi::xml_node& child : each.children())
          if (child.type() == pugi::node_element)
            property.children.emplace_back(local(child.name()));
        entry.properties.push_back(std::move(property));
      }
    }
  }
  ASSERT_FALSE(answer.entries.empty());
  const std::string path = path_of(what);
  EXPECT_EQ(path_of("x " + answer.entries.front().href), path)
      << "the resource itself is not first";
  for (const Entry& entry : answer.entries) {
    EXPECT_TRUE(entry.href.starts_with(path)) << entry.href;
    if (const Property* type = entry.find("resourcetype")) {
      const bool collection = !type->children.empty() && type->children.front() == "collection";
      EXPECT_EQ(entry.href.back() == '/', collection) << entry.href;
    }
  }
}

}  // namespace

const Property* Entry::find(std::string_view name) const {
  for (const Property& property : properties)
    if (property.name == name && property.status == 200) return &property;
  return nullptr;
}

std::string Entry::text(std::string_view name) const {
  const Property* property = find(name);
  return property ? property->text : "(none)";
}

int Entry::common_status() const {
  if (properties.empty()) return 0;
  const int status = properties.front().status;
  return std::all_of(properties.begin(), properties.end(),
                     [&](const Property& each) { return each.status == status; })
             ? status
             : 0;
}

std::string WireAnswer::field(const std::string& name) const {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string() : found->second;
}

std::string WireAnswer::lock_token() const {
  const std::string value = field("lock-token");
  return value.size() > 2 && value.front() == '<' ? value.substr(1, value.size() - 2) : "";
}

std::string WireAnswer::last_token_in_body() const {
  static const std::regex kToken("<[^<>]*locktoken[^<>]*>\\s*<[^<>]*href[^<>]*>([^<>&]+)<");
  std::string last;
  for (auto at = std::sregex_iterator(body.begin(), body.end(), kToken);
       at != std::sregex_iterator(); ++at)
    last = (*at)[1];
  return last;
}

std::string WireAnswer::owner() const {
  static const std::regex kOwner("<D:owner>([^<>]*)</D:owner>");
  std::smatch match;
  return std::regex_search(body, match, kOwner) ? match[1].str() : "(none)";
}

Wire::Wire(std::uint16_t port, std::string always)
    : port_(port), always_(std::move(always)), connection_(port) {}

std::string Wire::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

std::string Wire::head(std::string_view what, std::string_view lines) const {
  std::string head(what);
  head += " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  return head.append(always_).append(lines);
}

WireAnswer Wire::receive(std::string_view what) {
  WireAnswer answer;
  auto response = connection_.receive(what.starts_with("HEAD "));
  EXPECT_TRUE(response.has_value()) << what << ": " << connection_.error;
  if (!response) return answer;
  answer.status = response->status;
  answer.reason = response->reason;
  answer.body = std::move(response->body);
  answer.fields = std::move(response->fields);
  EXPECT_EQ(answer.field("connection").find("close"), std::string::npos) << what;
  if (answer.status == 207) {
    require_form(answer, what);
    parse(answer, what);
  }
  return answer;
}

WireAnswer Wire::ask(std::string_view what, std::string_view lines, std::string_view body) {
  std::string bytes = head(what, lines);
  if (!body.empty()) bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  bytes.append("\r\n").append(body);
  EXPECT_TRUE(connection_.send(bytes)) << what;
  return receive(what);
}

WireAnswer Wire::ask_chunked(std::string_view what, std::string_view lines, std::string_view body,
                             std::size_t chunk) {
  abandon(what, lines, {});
  std::string bytes;
  for (std::size_t at = 0; at < body.size(); at += chunk) {
    const std::string_view piece = body.substr(at, chunk);
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    bytes.append(size).append(piece).append("\r\n");
  }
  EXPECT_TRUE(connection_.send(bytes + "0\r\n\r\n")) << what;
  return receive(what);
}

void Wire::abandon(std::string_view what, std::string_view lines, std::string_view body) {
  std::string bytes = head(what, lines) + "Transfer-Encoding: chunked\r\n\r\n";
  if (!body.empty()) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", body.size());
    bytes.append(size).append(body).append("\r\n");
  }
  EXPECT_TRUE(connection_.send(bytes)) << what;
}

}  // namespace holdfast::test
