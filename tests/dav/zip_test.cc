// GET with ?zip: what the archive has, read by libarchive's reader, and what it refuses.
#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <locale.h>
#include <map>

#include "tests/dav/world.h"

namespace holdfast::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// An unpacked entry: a folder's content is "/".
struct Unpacked {
  std::string content;
  std::int64_t modified = 0;
};

std::map<std::string, Unpacked> unpacked(const Answer& answer) {
  std::map<std::string, Unpacked> entries;
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_FALSE(answer.cut) << answer.log_detail;
  EXPECT_EQ(answer.header("Content-Type"), "application/zip");
  // libarchive hands names out in the thread's locale.
  static const locale_t utf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  const locale_t before = ::uselocale(utf8);
  archive* const reader = ::archive_read_new();
  ::archive_read_support_format_zip_seekable(reader);
  EXPECT_EQ(::archive_read_open_memory(reader, answer.body.data(), answer.body.size()), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (::archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    const char* const name = ::archive_entry_pathname_utf8(entry);
    EXPECT_NE(name, nullptr);
    if (name == nullptr) continue;
    Unpacked made{.content = {}, .modified = ::archive_entry_mtime(entry)};
    if (::archive_entry_filetype(entry) == AE_IFDIR) {
      made.content = "/";
    } else {
      std::string piece(4096, '\0');
      la_ssize_t got = 0;
      while ((got = ::archive_read_data(reader, piece.data(), piece.size())) > 0)
        made.content.append(piece.data(), static_cast<std::size_t>(got));
      EXPECT_EQ(got, 0) << ::archive_error_string(reader);
    }
    EXPECT_TRUE(entries.emplace(name, std::move(made)).second) << name;
  }
  EXPECT_EQ(::archive_errno(reader), 0);
  ::archive_read_free(reader);
  ::uselocale(before);
  return entries;
}

std::vector<std::string> names_of(const std::map<std::string, Unpacked>& entries) {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries) names.push_back(name);
  return names;
}

struct ZipWorld : World {
  using World::World;
  std::map<std::string, Unpacked> zip(const std::string& target) {
    return unpacked(send("GET", target));
  }
};

TEST(Zip, HasTheFilesTheirNamesAndDates) {
  ZipWorld w;
  w.mkcol("/c");
  w.mkcol("/c/d");
  w.mkcol("/c/empty");
  const std::string large(300'000, 'l');
  ASSERT_EQ(w.status("PUT", "/c/d/%C3%BCber%20uns", {{"X-OC-Mtime", "1000000000"}}, large), 201);
  w.put("/c/none", "");
  w.put("/c/small", "small");
  w.put("/other");
  const Answer answer = w.send("GET", "/c/?zip");
  const auto entries = unpacked(answer);
  EXPECT_THAT(names_of(entries), ElementsAre("c/d/",
                                             "c/d/\xc3\xbc"
                                             "ber uns",
                                             "c/empty/", "c/none", "c/small"));
  EXPECT_EQ(entries
                .at("c/d/\xc3\xbc"
                    "ber uns")
                .content,
            large);
  EXPECT_EQ(entries
                .at("c/d/\xc3\xbc"
                    "ber uns")
                .modified,
            1'000'000'000);
  EXPECT_EQ(entries.at("c/none").content, "");
  EXPECT_EQ(entries.at("c/small").content, "small");
  EXPECT_EQ(entries.at("c/empty/").content, "/");
  EXPECT_THAT(answer.header("Content-Disposition"), HasSubstr("attachment; filename=\"c.zip\""));
  EXPECT_EQ(answer.header("Cache-Control"), "no-store");
  EXPECT_TRUE(w.send("GET", "/c/empty/?zip").body.starts_with("PK\x05\x06"))
      << "an archive without entries is its end alone";
  EXPECT_EQ(w.send("HEAD", "/c/?zip").header("Content-Type"), "application/zip");
}

TEST(Zip, HasWhatIsSelected) {
  ZipWorld w;
  w.mkcol("/c");
  w.mkcol("/c/d");
  w.put("/c/d/f");
  w.put("/c/a%2Bb+c");
  w.put("/c/%C3%A9");
  EXPECT_THAT(names_of(w.zip("/c/?zip=d/a%2Bb+c")), ElementsAre("a+b+c", "d/", "d/f"));
  EXPECT_THAT(names_of(w.zip("/c/?zip=e%CC%81")), ElementsAre("\xc3\xa9"));
  EXPECT_EQ(w.status("GET", "/c/?zip=d/none"), 404);
  for (const char* bad : {"/c/?zip=d//f", "/c/?zip=%FF", "/c/?zip=%zz", "/c/?zip=d%2Ff"})
    EXPECT_EQ(w.status("GET", bad), 400) << bad;
  EXPECT_EQ(w.send("GET", "/c/?zip=d&x").header("Content-Type"), "text/html; charset=utf-8");
}

TEST(Zip, HasNothingThatTheCallerMayNotRead) {
  ZipWorld w;
  w.mkcol("/open");
  w.mkcol("/open/secret");
  w.put("/open/secret/f", "hidden");
  w.put("/open/f");
  w.mkcol("/way");
  w.mkcol("/way/in");
  w.put("/way/f", "hidden");
  w.put("/way/in/f");
  auto caller = std::make_shared<dav::Caller>(*dav::anonymous_caller(storage::Right::read));
  caller->grants.push_back(
      {.path = storage::Path({"open", "secret"}), .right = storage::Right::none});
  caller->grants.push_back({.path = storage::Path({"way"}), .right = storage::Right::none});
  caller->grants.push_back({.path = storage::Path({"way", "in"}), .right = storage::Right::read});
  w.dav.as(caller);
  EXPECT_THAT(names_of(w.zip("/?zip")),
              ElementsAre("open/", "open/f", "way/", "way/in/", "way/in/f"));
  EXPECT_EQ(w.status("GET", "/open/?zip=secret"), 404);
  EXPECT_EQ(w.status("GET", "/open/secret/?zip"), 403);
}

TEST(Zip, HasALimit) {
  dav::Options options;
  options.propfind_infinity_limit = 3;
  ZipWorld w(options);
  for (const char* each : {"/a", "/b", "/c"}) w.put(each);
  EXPECT_EQ(w.status("GET", "/?zip"), 200);
  w.put("/d");
  EXPECT_EQ(w.status("GET", "/?zip"), 403);
  EXPECT_EQ(w.status("GET", "/?zip=a/b"), 200);
}

// What happens while the client takes the archive.
TEST(Zip, AFileIsAsItIsWhenItsTurnComes) {
  World w;
  const std::string large(200'000, 'l');
  w.put("/a", large);
  w.put("/b", "old");
  w.put("/c", "gone");
  http::NoBody none;
  http::Request request;
  request.method = "GET";
  request.target = "/?zip";
  request.fields.add("Host", "h");
  request.body = &none;
  http::Response response = w.engine.handle(request, dav::anonymous_caller(storage::Right::read));
  ASSERT_EQ(response.status, 200);
  auto* const body = std::get_if<http::StreamBody>(&response.body);
  ASSERT_NE(body, nullptr);
  Answer answer;
  answer.status = 200;
  answer.headers.emplace_back("Content-Type", "application/zip");
  std::string buffer(10'000, '\0');
  answer.body.append(buffer.data(), body->source->read(0, buffer));
  w.put("/a", "other");
  w.put("/b", "much newer");
  ASSERT_EQ(w.status("DELETE", "/c"), 204);
  while (const std::size_t got = body->source->read(answer.body.size(), buffer))
    answer.body.append(buffer.data(), got);
  const auto entries = unpacked(answer);
  EXPECT_THAT(names_of(entries), ElementsAre("a", "b"));
  EXPECT_EQ(entries.at("a").content, large) << "it was being read";
  EXPECT_EQ(entries.at("b").content, "much newer");
}

TEST(Zip, IsCutOffWhenTheCallerLosesItsRight) {
  World w;
  w.put("/a", std::string(200'000, 'l'));
  w.put("/b", "secret");
  (void)w.account("bob");
  http::NoBody none;
  http::Request request;
  request.method = "GET";
  request.target = "/?zip";
  request.fields.add("Host", "h");
  request.body = &none;
  const auto bob = [&] {
    const auto accounts = w.store.names.accounts();
    storage::Account account = *accounts->find("bob");
    account.grants.push_back({.path = {}, .right = storage::Right::read});
    return dav::caller_of(accounts, account);
  }();
  http::Response response = w.engine.handle(request, bob);
  auto* const body = std::get_if<http::StreamBody>(&response.body);
  ASSERT_NE(body, nullptr) << response.log_detail;
  std::string buffer(10'000, '\0');
  (void)body->source->read(0, buffer);
  w.store.names.write(storage::Flush::deferrable, [&](storage::Transaction& tx) {
    tx.remove_account(w.store.names.accounts()->find("bob")->id);
  });
  std::string all;
  EXPECT_ANY_THROW(while (const std::size_t got = body->source->read(all.size(), buffer))
                       all.append(buffer.data(), got));
  EXPECT_EQ(all.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::test
