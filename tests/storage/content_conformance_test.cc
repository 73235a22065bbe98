// ContentStore, Upload, ContentReader (storage/content.h; docs/storage.md#crash-at-each-step).
#include <map>
#include <thread>

#include "tests/storage/conformance.h"

namespace holdfast::test {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

template <std::size_t size>
std::string hex(const std::array<std::uint8_t, size>& bytes) {
  std::string text;
  for (std::uint8_t byte : bytes) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

class ContentStore : public StoreTest {
 protected:
  [[nodiscard]] std::map<std::string, std::uint64_t> stored() {
    std::map<std::string, std::uint64_t> all;
    contents().for_each(
        [&](const std::string& blob, std::uint64_t size) { all.emplace(blob, size); });
    return all;
  }
};
INSTANTIATE_TEST_SUITE_P(All, ContentStore, each_backend(), backend_name);

TEST_P(ContentStore, KeepsContentOfAtMostTheLimitInline) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kLarge - 1}) {
    const std::string bytes = bytes_of(size);
    const auto staged = upload(bytes);
    const Content& content = staged->seal();
    EXPECT_TRUE(content.is_inline());
    EXPECT_EQ(content.size, size);
    EXPECT_TRUE(content.bytes == bytes);
    EXPECT_THAT(stored(), IsEmpty());
  }
}

TEST_P(ContentStore, KeepsLargerContentInAFile) {
  const std::string bytes = bytes_of(kLarge);
  const auto staged = upload(bytes);
  const Content content = staged->seal();
  staged->keep();
  EXPECT_FALSE(content.is_inline());
  EXPECT_EQ(content.size, kLarge);
  EXPECT_TRUE(content.bytes.empty());
  EXPECT_EQ(stored(), (std::map<std::string, std::uint64_t>{{content.blob, kLarge}}));
  EXPECT_TRUE(text(content) == bytes);
}

TEST_P(ContentStore, TakesBytesInAnyPieces) {
  const std::string bytes = bytes_of(kLarge * 3 + 7);
  const auto staged = contents().begin({});
  EXPECT_EQ(staged->size(), 0u);
  std::size_t at = 0;
  for (std::size_t piece = 0; at < bytes.size(); piece = piece * 2 + 1) {
    const std::size_t size = std::min(piece, bytes.size() - at);
    staged->append(std::span(bytes).subspan(at, size));
    at += size;
    EXPECT_EQ(staged->size(), at);
  }
  const Content content = staged->seal();
  staged->keep();
  EXPECT_EQ(content.size, bytes.size());
  EXPECT_TRUE(text(content) == bytes);
  EXPECT_TRUE(contents().verify(content));
}

TEST_P(ContentStore, CrossesTheInlineLimitByteByByte) {
  const std::string bytes = bytes_of(kLarge);
  const auto staged = contents().begin({});
  staged->append(std::span(bytes).first(kLarge - 2));
  staged->append(std::span(bytes).subspan(kLarge - 2, 1));
  staged->append(std::span(bytes).subspan(kLarge - 1, 1));
  const Content content = staged->seal();
  staged->keep();
  EXPECT_FALSE(content.is_inline());
  EXPECT_TRUE(text(content) == bytes);
}

// A rest between two pieces, whatever their sizes, changes nothing of the content.
TEST_P(ContentStore, RestsBetweenPieces) {
  for (const std::size_t first :
       {std::size_t{0}, std::size_t{1}, std::size_t{2'000}, kLarge - 1, kLarge, kLarge * 5})
    for (const std::size_t second :
         {std::size_t{0}, std::size_t{1}, std::size_t{3'000}, kLarge * 5}) {
      SCOPED_TRACE(std::to_string(first) + ", " + std::to_string(second));
      const std::string bytes = bytes_of(first + second + second);
      const auto staged = contents().begin({});
      staged->append(std::span(bytes).first(first));
      staged->rest();
      staged->append(std::span(bytes).subspan(first, second));
      staged->rest();
      staged->rest();
      staged->append(std::span(bytes).subspan(first + second));
      EXPECT_EQ(staged->size(), bytes.size());
      const Content content = staged->seal();
      EXPECT_EQ(content.is_inline(), bytes.size() < kLarge);
      EXPECT_TRUE(text(content) == bytes);
      EXPECT_TRUE(contents().verify(content));
    }
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_P(ContentStore, ComputesTheChecksumsAskedFor) {
  struct Case {
    std::string bytes;
    const char* sha256;
    const char* sha1;
    const char* md5;
  };
  const std::vector<Case> cases{
      // FIPS 180-4 and RFC 1321 test values.
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       "da39a3ee5e6b4b0d3255bfef95601890afd80709", "d41d8cd98f00b204e9800998ecf8427e"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
       "a9993e364706816aba3e25717850c26c9cd0d89d", "900150983cd24fb0d6963f7d28e17f72"},
      {std::string(1'000'000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
       "34aa973cd4c4daa4f61eeb2bdbad27316534016f", "7707d6ae4e027c70eea2a935c2296f21"},
  };
  for (const Case& c : cases) {
    for (int asked = 0; asked < 4; ++asked) {
      const bool sha1 = (asked & 1) != 0;
      const bool md5 = (asked & 2) != 0;
      const auto staged = upload(c.bytes, {.sha1 = sha1, .md5 = md5});
      const Content& content = staged->seal();
      EXPECT_EQ(hex(content.checksums.sha256), c.sha256);
      ASSERT_EQ(content.checksums.sha1.has_value(), sha1);
      ASSERT_EQ(content.checksums.md5.has_value(), md5);
      if (sha1) {
        EXPECT_EQ(hex(*content.checksums.sha1), c.sha1);
      }
      if (md5) {
        EXPECT_EQ(hex(*content.checksums.md5), c.md5);
      }
    }
  }
}

TEST_P(ContentStore, LeavesNothingOfAnUploadThatIsNotKept) {
  { const auto empty = contents().begin({}); }
  { const auto unsealed = upload(bytes_of(kLarge * 3)); }
  {
    const auto sealed = upload(bytes_of(kLarge));
    static_cast<void>(sealed->seal());
    EXPECT_THAT(stored(), IsEmpty());  // no row has to name it yet, so no sweep may see it
  }
  EXPECT_THAT(stored(), IsEmpty());
  backend().reopen();
  EXPECT_THAT(stored(), IsEmpty());
}

TEST_P(ContentStore, GivesEveryContentANameOfItsOwn) {
  const auto first = upload(bytes_of(kLarge));
  const auto second = upload(bytes_of(kLarge));
  EXPECT_NE(first->seal().blob, second->seal().blob);
}

TEST_P(ContentStore, ReadsAtAnyOffset) {
  const std::string bytes = bytes_of(kLarge * 2);
  const auto staged = upload(bytes);
  const Content content = staged->seal();
  staged->keep();
  const auto reader = contents().open(content);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->size(), bytes.size());
  std::array<char, 100> buffer{};
  for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, kLarge, bytes.size() - 100}) {
    ASSERT_EQ(reader->read(offset, buffer), buffer.size()) << offset;
    EXPECT_EQ(std::string_view(buffer.data(), buffer.size()),
              std::string_view(bytes).substr(offset, buffer.size()));
  }
  EXPECT_EQ(reader->read(bytes.size() - 1, buffer), 1u);
  EXPECT_EQ(buffer[0], bytes.back());
  EXPECT_EQ(reader->read(bytes.size(), buffer), 0u);
  EXPECT_EQ(reader->read(0, std::span(buffer).first(0)), 0u);
}

TEST_P(ContentStore, RemovesFilesAndForgivesMissingOnes) {
  const auto staged = upload(bytes_of(kLarge));
  const Content content = staged->seal();
  staged->keep();
  contents().remove(content.blob);
  EXPECT_THAT(stored(), IsEmpty());
  EXPECT_FALSE(contents().open(content));
  EXPECT_FALSE(contents().verify(content));
  contents().remove(content.blob);
}

TEST_P(ContentStore, KeepsAReadersBytesThoughTheFileBeGone) {
  const std::string bytes = bytes_of(kLarge);
  const auto staged = upload(bytes);
  const Content content = staged->seal();
  staged->keep();
  const auto reader = contents().open(content);
  contents().remove(content.blob);
  EXPECT_TRUE(read_all(*reader) == bytes);
}

TEST_P(ContentStore, RefusesAFileOfAnotherSizeThanItsRowSays) {
  const auto staged = upload(bytes_of(kLarge));
  const Content content = staged->seal();
  staged->keep();
  for (const std::uint64_t size : {kLarge - 1, kLarge + 1}) {
    Content wrong = content;
    wrong.size = size;
    EXPECT_EQ(fault_of([&] { static_cast<void>(contents().open(wrong)); }), Fault::corrupt);
    EXPECT_FALSE(contents().verify(wrong));
  }
}

TEST_P(ContentStore, VerifiesTheBytes) {
  const auto staged = upload(bytes_of(kLarge));
  const Content content = staged->seal();
  staged->keep();
  EXPECT_TRUE(contents().verify(content));
  Content wrong = content;
  wrong.checksums.sha256[31] ^= 1;
  EXPECT_FALSE(contents().verify(wrong));
}

TEST_P(ContentStore, LetsAVisitRemove) {
  std::vector<Content> all;
  for (std::uint32_t i = 1; i <= 20; ++i) {
    const auto staged = upload(bytes_of(kLarge, i));
    all.push_back(staged->seal());
    staged->keep();
  }
  std::size_t visits = 0;
  contents().for_each([&](const std::string& blob, std::uint64_t size) {
    ++visits;
    EXPECT_EQ(size, kLarge);
    if (blob != all[0].blob) contents().remove(blob);
  });
  EXPECT_EQ(visits, 20u);
  EXPECT_EQ(stored(), (std::map<std::string, std::uint64_t>{{all[0].blob, kLarge}}));
}

TEST_P(ContentStore, KeepsFilesOverAReopen) {
  const std::string bytes = bytes_of(kLarge);
  const auto staged = upload(bytes);
  const Content content = staged->seal();
  write([&](Transaction& tx) { tx.put(at(tx, ""), "f", content, {}, storage::kNobody); });
  staged->keep();
  contents().flush();
  backend().reopen();
  EXPECT_TRUE(text("f") == bytes);
}

TEST_P(ContentStore, KnowsItsSpace) {
  const auto space = contents().space();
  EXPECT_GT(space.total, 0u);
  EXPECT_LE(space.available, space.total);
}

TEST_P(ContentStore, TakesManyUploadsAtOnce) {
  constexpr std::uint32_t kThreads = 4;
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 8; ++i) {
        const std::string bytes = bytes_of(kLarge + i, t * 100 + i + 1);
        const auto staged = upload(bytes);
        const Content content = staged->seal();
        if (i % 2 == 0) staged->keep();
        EXPECT_TRUE(text(content) == bytes);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(stored().size(), kThreads * 4u);
}

}  // namespace
}  // namespace holdfast::test
