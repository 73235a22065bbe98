#include "tests/replay/wire.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <gtest/gtest.h>
#include <openssl/evp.h>
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

// RFC 4648 §4.
std::string base64(const std::string& text) {
  std::string out(4 * (text.size() / 3 + 1) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

// In lower-case hex.
std::string digest(const std::string& algorithm, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), bytes.data(), &size,
             algorithm == "MD5" ? EVP_md5() : EVP_sha256(), nullptr);
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned>(bytes[i]));
    out += hex;
  }
  return out;
}

// One chunk (RFC 9112 §7.1).
std::string coded(std::string_view bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return std::string(size).append(bytes).append("\r\n");
}

std::string path_of(std::string_view what) {
  std::string path(what.substr(what.find(' ') + 1));
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// What the strictest reader of each rule wants of a 207 (docs/clients.md R9 to R15).
void require_form(const WireAnswer& answer, std::string_view what) {
  SCOPED_TRACE(std::string(what) + "\n" + answer.body);
  EXPECT_EQ(answer.field("content-type"), "application/xml; charset=utf-8");
  EXPECT_NE(answer.body.find("<D:multistatus xmlns:D=\"DAV:\""), std::string::npos);
  // The value of a dead property is as its client wrote it.
  static const std::regex kDefault("<D:[a-z-]+[^<>]* xmlns=\"|<[^<>]* xmlns=\"[^<>]*/>");
  EXPECT_FALSE(std::regex_search(answer.body, kDefault)) << "a default namespace";
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

Wire::Wire(std::uint16_t port, std::string always, bool tls, std::optional<Person> person)
    : port_(port),
      always_(std::move(always)),
      tls_(tls),
      person_(std::move(person)),
      asked_(person_ && person_->signing == Signing::beforehand),
      connection_(tls ? tests::RawClient::over_tls(port) : tests::RawClient(port)) {}

std::string Wire::url(std::string_view path) const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_) +
         std::string(path);
}

std::string Wire::head(std::string_view what, std::string_view lines) {
  std::string head(what);
  head += " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  return head.append(always_).append(authorization(what)).append(lines);
}

std::string Wire::authorization(std::string_view what) {
  if (!person_) return {};
  if (!asked_) return person_->instead;
  if (person_->signing == Signing::each_time) asked_ = false;
  if (nonce_.empty())
    return "Authorization: Basic " + base64(person_->name + ":" + person_->password) + "\r\n";
  // RFC 7616 §3.4, as clients that know one algorithm do.
  const std::string method(what.substr(0, what.find(' ')));
  const std::string uri(what.substr(method.size() + 1));
  char count[9];
  std::snprintf(count, sizeof count, "%08x", ++count_);
  const auto hash = [&](const std::string& text) { return digest(algorithm_, text); };
  const std::string response =
      hash(hash(person_->name + ":Holdfast:" + person_->password) + ":" + nonce_ + ":" + count +
           ":0a4f113b:auth:" + hash(method + ":" + uri));
  return "Authorization: Digest username=\"" + person_->name + "\",realm=\"Holdfast\",nonce=\"" +
         nonce_ + "\",uri=\"" + uri + "\",cnonce=\"0a4f113b\",nc=" + count +
         ",algorithm=" + algorithm_ + ",response=\"" + response + "\",qop=\"auth\"\r\n";
}

void Wire::take_challenge(const WireAnswer& answer, std::string_view what) {
  ++challenges_;
  asked_ = true;
  count_ = 0;
  nonce_.clear();
  std::vector<std::string> schemes;  // each in a line of its own (docs/clients.md R5)
  const auto [begin, end] = answer.fields.equal_range("www-authenticate");
  // Windows knows MD5 only; the others here take the stronger one, which is the first.
  const bool windows = person_->signing == Signing::each_time;
  for (auto at = begin; at != end; ++at) {
    const std::string& line = at->second;
    schemes.push_back(line.substr(0, line.find(' ')));
    EXPECT_NE(line.find("realm=\"Holdfast\""), std::string::npos) << line;
    static const std::regex kDigest("Digest .*algorithm=([^,]+),.* nonce=\"([^\"]+)\".*");
    std::smatch match;
    if (!std::regex_match(line, match, kDigest)) continue;
    if (!nonce_.empty() && !windows) continue;
    algorithm_ = match[1];
    nonce_ = match[2];
  }
  // Digest would be Windows' choice over TLS too, and Bearer Office's: neither could go on.
  const std::vector<std::string> expected =
      nonce_.empty() ? std::vector<std::string>{"Basic"}
                     : std::vector<std::string>{"Digest", "Digest", "Basic"};
  EXPECT_EQ(schemes, expected) << what;
  EXPECT_TRUE(!tls_ || nonce_.empty()) << what;
}

WireAnswer Wire::exchange(std::string_view what, const std::function<std::string()>& request) {
  const bool shown = asked_;
  EXPECT_TRUE(connection_.send(request())) << what;
  WireAnswer answer = receive(what);
  if (answer.status != 401 || !person_ || shown) return answer;
  take_challenge(answer, what);
  EXPECT_TRUE(connection_.send(request())) << what;
  return receive(what);
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
  return exchange(what, [&] {
    std::string bytes = head(what, lines);
    if (!body.empty()) bytes += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return bytes.append("\r\n").append(body);
  });
}

WireAnswer Wire::ask_chunked(std::string_view what, std::string_view lines, std::string_view body,
                             std::size_t chunk) {
  return exchange(what, [&] {
    std::string bytes = head(what, lines) + "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += chunk) bytes += coded(body.substr(at, chunk));
    return bytes + "0\r\n\r\n";
  });
}

void Wire::abandon(std::string_view what, std::string_view lines, std::string_view body) {
  EXPECT_TRUE(
      connection_.send(head(what, lines) + "Transfer-Encoding: chunked\r\n\r\n" + coded(body)))
      << what;
}

}  // namespace holdfast::test
