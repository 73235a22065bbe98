// The rows that are named here are those of docs/robustness.md.
#include "dav/if_header.h"

#include <ctime>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

namespace holdfast::dav {
namespace {

using testing::ElementsAre;

// A header written out again in one spelling: "tag(cond cond)" per list, "!" for Not.
std::string shown(const IfHeader& header) {
  std::string out;
  for (const IfList& list : header.lists) {
    if (list.resource) out += "<" + *list.resource + ">";
    out += "(";
    for (const IfCondition& condition : list.conditions) {
      EXPECT_NE(condition.state_token.has_value(), condition.entity_tag.has_value());
      if (condition.negated) out += "!";
      out += condition.state_token ? "<" + *condition.state_token + ">"
                                   : "[" + condition.entity_tag.value_or("") + "]";
    }
    out += ")";
  }
  return out;
}

bool refused(std::string_view text) {
  try {
    (void)parse_if(text);
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.status, 400);
    EXPECT_FALSE(error.detail.empty());
    return true;
  }
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(IfHeader, RefusesWhatIsOutsideTheGrammar) {
  const struct {
    std::string_view source;
    std::string text;
  } rows[] = {
      {"§10.4.2 no list", ""},
      {"§10.4.2 no list", " \t "},
      {"§10.4.2 empty list", "()"},
      {"§10.4.2 empty list", "( )"},
      {"§10.4.2 empty list", "(<u:a>) ()"},
      {"§10.4.2 empty list", "</r> ()"},
      {"unclosed list", "("},
      {"unclosed list", "(<u:a>"},
      {"unclosed list", "(<u:a>) (<u:b>"},
      {"nested list", "((<u:a>))"},
      {"closed twice", "(<u:a>))"},
      {"unclosed token", "(<u:a)"},
      {"unclosed token", "(<"},
      {"unclosed tag", "</r (<u:a)"},
      {"unclosed tag", "<"},
      {"unclosed entity tag", "([\"x)"},
      {"unclosed entity tag", "([\"x\")"},
      {"unclosed entity tag", "(["},
      {"H20 quote", "\""},
      {"H20 quote", "(\"x\")"},
      {"§10.4.2 tag without list", "</r>"},
      {"§10.4.2 tag without list", "</r> </s> (<u:a>)"},
      {"§10.4.2 tag without list", "</r> (<u:a>) </s>"},
      {"§10.4.2 mixed", "(<u:a>) </r> (<u:b>)"},
      {"empty tag", "<> (<u:a>)"},
      {"tag in a tag", "</r</s> (<u:a>)"},
      {"empty token", "(<>)"},
      {"token is no absolute URI", "(<a>)"},
      {"token is no absolute URI", "(<:a>)"},
      {"token is no absolute URI", "(<1:a>)"},
      {"token is no absolute URI", "(<u:>)"},
      {"token is no absolute URI", "(<u:a b>)"},
      {"token is no absolute URI", "(<u:a\"b>)"},
      {"token is no absolute URI", "(<u:\xC3\xA9>)"},
      {"token is no absolute URI", "(<u:a<u:b>)"},
      {"Not without condition", "(Not)"},
      {"Not without condition", "(Not )"},
      {"§10.4.2 Not Not", "(Not Not <u:a>)"},
      {"Not outside a list", "Not (<u:a>)"},
      {"another word", "(Nope <u:a>)"},
      {"another word", "(<u:a> and <u:b>)"},
      {"comma between conditions", "(<u:a>, <u:b>)"},
      {"comma between lists", "(<u:a>), (<u:b>)"},
      {"text after", "(<u:a>) x"},
      {"text before", "x (<u:a>)"},
      {"entity tag without quotes", "([x])"},
      {"entity tag without quotes", "([])"},
      {"entity tag without brackets", "(\"x\")"},
      {"RFC 9110 §8.8.3 lower-case w", "([w/\"x\"])"},
      {"RFC 9110 §8.8.3 weak prefix", "([W\"x\"])"},
      {"RFC 9110 §8.8.3 weak prefix", "([W/ \"x\"])"},
      {"RFC 9110 §8.8.3 control", "([\"a\x01z\"])"},
      {"RFC 9110 §8.8.3 DEL", "([\"a\x7F\"])"},
      {"H20 no escapes", "([\"a\\\"b\"])"},
      {"two entity tags in brackets", "([\"a\" \"b\"])"},
      {"list of entity tags", "([\"a\", \"b\"])"},
      {"star", "([*])"},
      {"R69 bare token with more", "u:a u:b"},
      {"R69 bare token with more", "u:a (<u:b>)"},
      {"R69 bare but no URI", "token"},
      {"R69 bare but no URI", "<token>"},
      {"H20", repeated("(", 8192)},
      {"H20", repeated("()", 4000)},
      {"H20", repeated("<", 8192)},
      {"H20", repeated("[", 8192)},
      {"H20", "(" + repeated("Not ", 4000) + "<u:a>)"},
      {"H20", "(" + repeated("<u:a>", 10'000) + ")"},
      {"H20", repeated("(<u:a>)", 10'000)},
      {"H20 NUL", std::string("(<u:a\0>)", 9)},
  };
  for (const auto& row : rows) EXPECT_TRUE(refused(row.text)) << row.source << ": " << row.text;
}

TEST(IfHeader, ReadsTheGrammar) {
  const struct {
    std::string_view source;
    std::string_view text;
    std::string_view expected;
  } rows[] = {
      {"§10.4.6", "(<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2> [\"I am an ETag\"])",
       "(<urn:uuid:181d4fae-7d8c-11d0-a765-00a0c91e6bf2>[\"I am an ETag\"])"},
      {"§10.4.6", "(<urn:uuid:1> [\"e1\"]) ([\"e2\"])", "(<urn:uuid:1>[\"e1\"])([\"e2\"])"},
      {"§10.4.7", "(Not <urn:uuid:1> <urn:uuid:2>)", "(!<urn:uuid:1><urn:uuid:2>)"},
      {"§10.4.8", "(<urn:uuid:1>) (Not <DAV:no-lock>)", "(<urn:uuid:1>)(!<DAV:no-lock>)"},
      {"§10.4.9", "</resource1> (<urn:uuid:1> [W/\"A\"]) ([\"strong\"])",
       "</resource1>(<urn:uuid:1>[W/\"A\"])</resource1>([\"strong\"])"},
      {"§10.4.10", "<http://www.example.com/specs/> (<urn:uuid:1>)",
       "<http://www.example.com/specs/>(<urn:uuid:1>)"},
      {"§10.4.11", "</specs/rfc2518.doc> ([\"4217\"])", "</specs/rfc2518.doc>([\"4217\"])"},
      {"§10.4.11", "</specs/rfc2518.doc> (Not [\"4217\"])", "</specs/rfc2518.doc>(![\"4217\"])"},
      {"no space at all", "(Not<u:a>Not[\"b\"]<u:c>)", "(!<u:a>![\"b\"]<u:c>)"},
      {"any space", " \t(\tNot  <u:a> \t[ \"b\" ] )\t ", "(!<u:a>[\"b\"])"},
      {"ABNF words have no case", "(NOT <u:a> not <u:b>)", "(!<u:a>!<u:b>)"},
      {"space between tag and list", "</r>\t (<u:a>)(<u:b>)</s>(<u:c>)",
       "</r>(<u:a>)</r>(<u:b>)</s>(<u:c>)"},
      {"one tag twice", "</r> (<u:a>) </s> (<u:b>) </r> (<u:c>)",
       "</r>(<u:a>)</s>(<u:b>)</r>(<u:c>)"},
      {"empty entity tag", "([\"\"] [W/\"\"])", "([\"\"][W/\"\"])"},
      {"entity tag with brackets", "([\"a]b>c)(<\"])", "([\"a]b>c)(<\"])"},
      {"entity tag with backslash", "([\"a\\\"])", "([\"a\\\"])"},
      {"entity tag beyond ASCII", "([\"\xC3\xA9\"])", "([\"\xC3\xA9\"])"},
      {"token with brackets", "(<u:a)([\x5D>)", "(<u:a)([]>)"},
      {"R23 raw tag", "</caf\xC3\xA9 x> (<u:a>)", "</caf\xC3\xA9 x>(<u:a>)"},
      {"R69 neon", "<http://h/a> (<opaquelocktoken:1>) <http://h/b> (<opaquelocktoken:2>)",
       "<http://h/a>(<opaquelocktoken:1>)<http://h/b>(<opaquelocktoken:2>)"},
      {"R69 bare", "opaquelocktoken:1", "(<opaquelocktoken:1>)"},
      {"R69 bare", " urn:uuid:1 ", "(<urn:uuid:1>)"},
      {"R69 bare in brackets", "<opaquelocktoken:1>", "(<opaquelocktoken:1>)"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(shown(parse_if(row.text)), row.expected) << row.source;
  }
}

TEST(IfHeader, SubmitsEveryTokenOnce) {  // §10.4.1
  const IfHeader header =
      parse_if("</r> (<u:a> Not <u:b>) ([\"e\"] <u:a>) </s> (Not <DAV:no-lock> <u:c>)");
  EXPECT_THAT(header.submitted_tokens(), ElementsAre("u:a", "u:b", "DAV:no-lock", "u:c"));
  EXPECT_THAT(parse_if("([\"e\"])").submitted_tokens(), ElementsAre());
}

TEST(IfHeader, KeepsTheLimits) {
  EXPECT_FALSE(refused(repeated("(<u:a>)", 64)));
  EXPECT_TRUE(refused(repeated("(<u:a>)", 65)));
  EXPECT_FALSE(refused("(" + repeated("<u:a>", 256) + ")"));
  EXPECT_TRUE(refused("(" + repeated("<u:a>", 257) + ")"));
  EXPECT_FALSE(refused("(" + repeated("<u:a>", 128) + ")(" + repeated("[\"b\"]", 128) + ")"));
  EXPECT_TRUE(refused("(" + repeated("<u:a>", 128) + ")(" + repeated("[\"b\"]", 129) + ")"));
  const auto tagged = [](int tags) {
    std::string out;
    for (int i = 0; i < tags; ++i) out += "</" + std::to_string(i) + "> (<u:a>) ";
    return out;
  };
  EXPECT_FALSE(refused(tagged(32)));
  EXPECT_TRUE(refused(tagged(33)));
  EXPECT_FALSE(refused(tagged(32) + tagged(32))) << "the same tags again";
  EXPECT_FALSE(refused("<http://h/" + std::string(8192, 'a') + "> (<u:a>)"));
}

TEST(IfHeader, AnyTokensEndInAStatusOrLists) {
  const std::string_view pieces[] = {
      "(", ")",  "<",    ">",        "[",           "]",           "\"", "Not",
      " ", "\t", "u:a",  "<u:a>",    "</r>",        "[\"e\"]",     "W/", "(<u:a>)",
      "x", ",",  "\x01", "\xC3\xA9", "(Not <u:b>)", "</s> (<u:c>)"};
  std::mt19937 random(10);
  int read = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string text;
    for (std::size_t n = random() % 10; n > 0; --n) text += pieces[random() % std::size(pieces)];
    try {
      const IfHeader header = parse_if(text);
      ++read;
      // What was read means the same when it is written out.
      const std::string once = shown(header);
      ASSERT_EQ(shown(parse_if(once)), once) << text;
      for (const IfList& list : header.lists) {
        ASSERT_FALSE(list.conditions.empty()) << text;
        ASSERT_EQ(list.resource.has_value(), header.lists.front().resource.has_value()) << text;
      }
    } catch (const Error& error) {
      ASSERT_EQ(error.status, 400) << text;
    }
  }
  EXPECT_GT(read, 1'000);
}

TEST(IfHeader, TakesLinearTime) {  // H20
  const auto cpu_seconds = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  const double start = cpu_seconds();
  for (const std::string_view piece :
       {"(", "<", "[", "\"", "()", "(<", "([\"", "(Not", " ", "<u:a", "(<u:a>", "</r> ", "([W/"}) {
    EXPECT_TRUE(refused(repeated(piece, 200'000 / piece.size())));
    EXPECT_TRUE(refused("(<u:a> " + repeated(piece, 200'000 / piece.size())));
  }
  // 26 headers twelve times as long as a connection lets in.
  EXPECT_LT(cpu_seconds() - start, 5);
}

}  // namespace
}  // namespace holdfast::dav
