// A DAV engine over the in-memory store, the requests tests send most, and answers read as clients
// read them: XML through dav/xml/document.h, never as text. Every write runs twice (the closures
// must bear it). One thread.
//
//   World w;
//   w.put("/a.txt", "hello");
//   EXPECT_EQ(w.status("GET", "/a.txt"), 200);
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dav/engine.h"
#include "dav/xml/document.h"
#include "tests/support/dav_client.h"
#include "tests/support/memory_store.h"

namespace holdfast::test {

inline constexpr std::string_view kApache = "http://apache.org/dav/props/";
inline constexpr std::string_view kOwnCloud = "http://owncloud.org/ns";
inline constexpr std::string_view kMicrosoft = "urn:schemas-microsoft-com:";

// A property as a 207 shows it.
struct Shown {
  std::string text;                   // character data directly inside
  std::vector<std::string> children;  // local names of the child elements
  std::string xml;                    // the element, standing alone
};

struct Propstat {
  std::string status;  // the status line as it stands
  std::map<storage::PropertyName, Shown> properties;
  std::vector<std::string> errors;  // local names inside DAV:error

  [[nodiscard]] int code() const { return std::stoi(status.substr(status.find(' ') + 1)); }
};

struct MultistatusResponse {
  std::string href;
  std::vector<Propstat> propstats;

  // The property inside a propstat of status 200; nullptr when it is not there.
  [[nodiscard]] const Shown* find(std::string_view name, std::string_view xmlns = "DAV:") const {
    for (const Propstat& propstat : propstats) {
      if (propstat.code() != 200) continue;
      const auto found = propstat.properties.find({std::string(xmlns), std::string(name)});
      if (found != propstat.properties.end()) return &found->second;
    }
    return nullptr;
  }
  // Its text; "(none)" when it is not there.
  [[nodiscard]] std::string text(std::string_view name, std::string_view xmlns = "DAV:") const {
    const Shown* shown = find(name, xmlns);
    return shown ? shown->text : "(none)";
  }
  // The status that the property got; 0 when it is in no propstat.
  [[nodiscard]] int code(std::string_view name, std::string_view xmlns = "DAV:") const {
    for (const Propstat& propstat : propstats)
      if (propstat.properties.contains({std::string(xmlns), std::string(name)}))
        return propstat.code();
    return 0;
  }
};

// The DAV:response elements of a 207 in their order.
[[nodiscard]] inline std::vector<MultistatusResponse> multistatus(const Answer& answer) {
  std::vector<MultistatusResponse> responses;
  EXPECT_EQ(answer.status, 207) << answer.body << answer.log_detail;
  if (answer.status != 207) return {MultistatusResponse{}};
  const dav::xml::Document document = dav::xml::Document::parse(answer.body, {.elements = 1000000});
  EXPECT_TRUE(document.root().is_dav("multistatus"));
  for (const dav::xml::Element& element : document.root().children()) {
    EXPECT_TRUE(element.is_dav("response"));
    MultistatusResponse& response = responses.emplace_back();
    response.href = element.child_dav("href").value().text();
    for (const dav::xml::Element& part : element.children()) {
      if (!part.is_dav("propstat")) continue;
      Propstat& propstat = response.propstats.emplace_back();
      propstat.status = part.child_dav("status").value().text();
      if (const auto error = part.child_dav("error"))
        for (const dav::xml::Element& each : error->children())
          propstat.errors.push_back(each.name().name);
      for (const dav::xml::Element& property : part.child_dav("prop").value().children()) {
        Shown shown{.text = property.text(), .children = {}, .xml = property.standalone()};
        for (const dav::xml::Element& child : property.children())
          shown.children.push_back(child.name().name);
        EXPECT_TRUE(propstat.properties.emplace(property.name(), std::move(shown)).second)
            << "listed twice: " << property.name().name;
      }
    }
  }
  return responses;
}

// The hrefs of a 207, in its order.
[[nodiscard]] inline std::vector<std::string> hrefs(const Answer& answer) {
  std::vector<std::string> all;
  for (const MultistatusResponse& response : multistatus(answer)) all.push_back(response.href);
  return all;
}

// The one DAV:response of a 207 about one resource.
[[nodiscard]] inline MultistatusResponse single(const Answer& answer) {
  std::vector<MultistatusResponse> responses = multistatus(answer);
  EXPECT_EQ(responses.size(), 1U);
  return responses.empty() ? MultistatusResponse{} : std::move(responses.front());
}

// One DAV:activelock.
struct ActiveLock {
  std::string scope, depth, owner_text, owner_xml, timeout, token, root;
};

inline ActiveLock active_lock(const dav::xml::Element& element) {
  ActiveLock lock;
  const auto text = [&](std::string_view name) {
    const auto child = element.child_dav(name);
    return child ? child->text() : std::string();
  };
  const auto href = [&](std::string_view name) {
    const auto child = element.child_dav(name);
    return child ? child->child_dav("href").value().text() : std::string();
  };
  lock.scope = element.child_dav("lockscope").value().children().at(0).name().name;
  EXPECT_TRUE(element.child_dav("locktype").value().child_dav("write").has_value());
  lock.depth = text("depth");
  lock.owner_text = text("owner");
  if (const auto owner = element.child_dav("owner")) lock.owner_xml = owner->inner_standalone();
  lock.timeout = text("timeout");
  lock.token = href("locktoken");
  lock.root = href("lockroot");
  return lock;
}

// The active locks in an answer to LOCK.
[[nodiscard]] inline std::vector<ActiveLock> granted(const Answer& answer) {
  std::vector<ActiveLock> locks;
  const dav::xml::Document document = dav::xml::Document::parse(answer.body);
  EXPECT_TRUE(document.root().is_dav("prop"));
  const dav::xml::Element discovery = document.root().child_dav("lockdiscovery").value();
  for (const dav::xml::Element& each : discovery.children()) locks.push_back(active_lock(each));
  return locks;
}

// What DAV:error says: precondition element and the hrefs in it.
struct Refusal {
  std::string precondition;
  std::vector<std::string> hrefs;
};

[[nodiscard]] inline Refusal refusal(const Answer& answer) {
  Refusal refusal;
  EXPECT_EQ(answer.header("Content-Type"), "application/xml; charset=utf-8");
  const dav::xml::Document document = dav::xml::Document::parse(answer.body);
  EXPECT_TRUE(document.root().is_dav("error"));
  for (const dav::xml::Element& child : document.root().children()) {
    if (child.name().xmlns != "DAV:") continue;
    refusal.precondition = child.name().name;
    for (const dav::xml::Element& each : child.children()) {
      // Of need-privileges: "/href privilege".
      const auto privilege = each.child_dav("privilege");
      refusal.hrefs.push_back(privilege ? each.child_dav("href").value().text() + " " +
                                              privilege->children().at(0).name().name
                                        : each.text());
    }
  }
  return refusal;
}

[[nodiscard]] inline std::string lockinfo(std::string_view scope = "exclusive",
                                          std::string_view owner = {}) {
  std::string body = "<?xml version=\"1.0\"?><D:lockinfo xmlns:D=\"DAV:\"><D:lockscope><D:";
  body.append(scope).append("/></D:lockscope><D:locktype><D:write/></D:locktype>");
  if (!owner.empty()) body.append("<D:owner>").append(owner).append("</D:owner>");
  return body += "</D:lockinfo>";
}

// A propfind body that asks for DAV: properties by name: "getetag resourcetype".
[[nodiscard]] inline std::string propfind(std::string_view names) {
  std::string body = "<D:propfind xmlns:D=\"DAV:\"><D:prop>";
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    body.append("<D:").append(names.substr(0, end)).append("/>");
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return body += "</D:prop></D:propfind>";
}

// A propertyupdate body; `actions` stands inside it, with the prefixes D, Z (Microsoft), A (Apache)
// and x ("urn:x") bound.
[[nodiscard]] inline std::string propertyupdate(std::string_view actions) {
  std::string body =
      "<D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"urn:schemas-microsoft-com:\" "
      "xmlns:A=\"http://apache.org/dav/props/\" xmlns:x=\"urn:x\">";
  return body.append(actions).append("</D:propertyupdate>");
}
[[nodiscard]] inline std::string set_properties(std::string_view properties) {
  return propertyupdate("<D:set><D:prop>" + std::string(properties) + "</D:prop></D:set>");
}

struct World {
  explicit World(dav::Options options = {})
      : engine(store.names, store.contents, std::move(options)), dav(engine) {
    store.names.rerun_closures(true);
  }

  MemoryStore store;
  dav::Engine engine;
  DavClient dav;

  Answer send(std::string_view method, std::string_view target, const Headers& headers = {},
              std::string_view body = {}) {
    return dav.send(method, target, headers, body);
  }
  int status(std::string_view method, std::string_view target, const Headers& headers = {},
             std::string_view body = {}) {
    return send(method, target, headers, body).status;
  }
  // The account of this name, made when there is none.
  storage::AccountId account(const std::string& name) {
    const auto accounts = store.names.accounts();
    if (const storage::Account* found = accounts->find(name)) return found->id;
    storage::AccountId id = storage::kNobody;
    store.names.write(storage::Flush::deferrable, [&](storage::Transaction& tx) {
      storage::Account account;
      account.name = name;
      id = tx.put_account(account);
    });
    return id;
  }
  Answer send_as(std::string principal, std::string_view method, std::string_view target,
                 const Headers& headers = {}, std::string_view body = {}) {
    dav::Caller caller = *dav::anonymous_caller(storage::Right::write);
    if (!principal.empty()) caller.account = account(principal);
    caller.name = std::move(principal);
    DavClient other(engine);
    other.as(std::make_shared<const dav::Caller>(std::move(caller)));
    return other.send(method, target, headers, body);
  }

  // Requests that must succeed.
  void put(std::string_view target, std::string_view body = "x") {
    const Answer answer = send("PUT", target, {}, body);
    ASSERT_TRUE(answer.status == 201 || answer.status == 204) << target << answer.log_detail;
  }
  void mkcol(std::string_view target) {
    const Answer answer = send("MKCOL", target);
    ASSERT_EQ(answer.status, 201) << target << answer.log_detail;
  }
  std::string get(std::string_view target) {
    const Answer answer = send("GET", target);
    EXPECT_EQ(answer.status, 200) << target << answer.log_detail;
    return answer.body;
  }
  std::string etag(std::string_view target) { return send("HEAD", target).header("ETag"); }
  // Locks and returns the token.
  std::string lock(std::string_view target, std::string_view depth = "infinity",
                   std::string_view scope = "exclusive") {
    const Answer answer = send("LOCK", target, {{"Depth", std::string(depth)}}, lockinfo(scope));
    EXPECT_TRUE(answer.status == 200 || answer.status == 201) << target << answer.log_detail;
    return answer.lock_token();
  }
  MultistatusResponse properties(std::string_view target, std::string_view names) {
    return single(send("PROPFIND", target, {{"Depth", "0"}}, propfind(names)));
  }
  std::vector<ActiveLock> locks_of(std::string_view target) {
    std::vector<ActiveLock> locks;
    const MultistatusResponse response = properties(target, "lockdiscovery");
    const Shown* shown = response.find("lockdiscovery");
    EXPECT_NE(shown, nullptr);
    if (!shown) return locks;
    const dav::xml::Document document = dav::xml::Document::parse(shown->xml);
    for (const dav::xml::Element& each : document.root().children())
      locks.push_back(active_lock(each));
    return locks;
  }
  // Everything that is stored, one line per resource with content, locks and dead properties, to
  // show that a refused request changed nothing.
  std::string dump() {
    std::string text;
    const auto snapshot = store.names.snapshot();
    const storage::Resolution root = snapshot->resolve({});
    snapshot->members(root, storage::Depth::infinity,
                      {.properties = true, .locks = true, .checksums = false},
                      [&](const storage::Member& member) {
                        for (const std::string& segment : member.segments) text += "/" + segment;
                        text += member.resource.is_collection() ? "/" : " " + member.resource.etag;
                        text += " " + std::to_string(member.resource.modified.at);
                        for (const auto& property : member.properties) text += " " + property.xml;
                        for (const auto& lock : member.locks)
                          text += " " + lock.token + "@" + std::to_string(lock.root_id) + "+" +
                                  std::to_string(lock.expires());
                        text += "\n";
                      });
    return text;
  }
};

// "If: (<token>)".
[[nodiscard]] inline Headers with_token(const std::string& token) {
  return {{"If", "(<" + token + ">)"}};
}
// "If: <tag> (<token>)".
[[nodiscard]] inline Headers with_token(const std::string& tag, const std::string& token) {
  return {{"If", "<" + tag + "> (<" + token + ">)"}};
}
[[nodiscard]] inline Headers operator+(Headers a, const Headers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace holdfast::test
