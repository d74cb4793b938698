// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/lexer.h"

#include <gtest/gtest.h>

namespace systole::control::config {

namespace {

// "word@line:column", one statement a line; quoted words in <>.
std::string lexed(std::string_view text, std::string *errors = nullptr)
{
	Diagnostics diagnostics("f");
	Lexer lexer(text, diagnostics);
	Statement statement;
	std::string out;
	while (lexer.next(statement)) {
		for (const Token &token : statement.tokens)
			out += (token.is_quoted ? "<" + token.text() + ">" : token.text()) + "@" +
			       std::to_string(token.at.line) + ":" + std::to_string(token.at.column) + " ";
		out += statement.is_broken ? "!\n" : "\n";
	}
	if (errors != nullptr)
		*errors = to_text(diagnostics.take());
	else
		EXPECT_FALSE(diagnostics.has_errors());
	return out;
}

TEST(Lexer, words_comments_and_blank_lines)
{
	EXPECT_EQ(lexed("\n# whole line\n  set a\t1   # trailing\n\n\nend#not-a-comment\n"),
		  "set@3:3 a@3:7 1@3:9 \nend#not-a-comment@6:1 \n");
	EXPECT_EQ(lexed("no newline at the end"), "no@1:1 newline@1:4 at@1:12 the@1:15 end@1:19 \n");
	EXPECT_EQ(lexed(""), "");
}

TEST(Lexer, line_ends_may_be_crlf)
{
	EXPECT_EQ(lexed("set a 1\r\n\r\nend\r\n"), "set@1:1 a@1:5 1@1:7 \nend@3:1 \n");
	EXPECT_EQ(lexed("end\r"), "end@1:1 \n");
}

TEST(Lexer, quotes_of_both_kinds_and_backslashes)
{
	EXPECT_EQ(lexed(R"(set "a b" 'c "d"' "e 'f'")"), "set@1:1 <a b>@1:5 <c \"d\">@1:11 <e 'f'>@1:19 \n");
	EXPECT_EQ(lexed(R"("a\"b" "c\\" 'd\'e' f\ g h\"i \#j)"),
		  "<a\"b>@1:1 <c\\>@1:8 <d'e>@1:14 f g@1:21 h\"i@1:26 #j@1:31 \n");
	EXPECT_EQ(lexed(R"("" '# no comment')"), "<>@1:1 <# no comment>@1:4 \n");
}

TEST(Lexer, columns_count_characters)
{
	EXPECT_EQ(lexed("\xc3\xa4\xc3\xb6 \"\xe2\x82\xac\" x"), "\xc3\xa4\xc3\xb6@1:1 <\xe2\x82\xac>@1:4 x@1:8 \n");
}

TEST(Lexer, no_break_spaces_and_a_byte_order_mark_are_blanks)
{
	EXPECT_EQ(lexed("\xef\xbb\xbf\xc2\xa0 \xc2\xa0set\xc2\xa0hbdev \"a\xc2\xa0z\""),
		  "set@1:4 hbdev@1:8 <a\xc2\xa0z>@1:14 \n");
}

TEST(Lexer, an_enc_value_that_runs_over_several_lines_is_one_value)
{
	EXPECT_EQ(lexed("set password ENC abc+  \xc2\xa0 \n \n\xc2\xa0 DE/F \xc2\xa0\r\n\n  gh==\n\n set hbdev x 1\n"),
		  "set@1:1 password@1:5 ENC@1:14 abc+DE/Fgh==@1:18 \nset@7:2 hbdev@7:6 x@7:12 1@7:14 \n");
	EXPECT_EQ(lexed("set password ENC\nabc\nend\n"), "set@1:1 password@1:5 ENC@1:14 abc@2:1 \nend@3:1 \n");
}

TEST(Lexer, only_lone_base64_words_continue_an_enc_value)
{
	EXPECT_EQ(lexed("set password ENC abc\nend\n"), "set@1:1 password@1:5 ENC@1:14 abc@1:18 \nend@2:1 \n");
	EXPECT_EQ(lexed("set password ENC abc\nset x\n"), "set@1:1 password@1:5 ENC@1:14 abc@1:18 \nset@2:1 x@2:5 \n");
	EXPECT_EQ(lexed("set password \"abc\"\ndef\n"), "set@1:1 password@1:5 <abc>@1:14 \ndef@2:1 \n");
	EXPECT_EQ(lexed("set password \"ENC\"\ndef\n"), "set@1:1 password@1:5 <ENC>@1:14 \ndef@2:1 \n");
	EXPECT_EQ(lexed("set password ENC *\ndef\n"), "set@1:1 password@1:5 ENC@1:14 *@1:18 \ndef@2:1 \n");
}

TEST(Lexer, faults_are_reported_where_they_are_and_the_next_line_is_read)
{
	std::string errors;
	EXPECT_EQ(lexed("set a \"open\nend\n", &errors), "set@1:1 a@1:5 !\nend@2:1 \n");
	EXPECT_EQ(errors, "f:1:7: error: this \" is not closed on its line: add the closing \"\n");
	EXPECT_EQ(lexed("set a \"x\"y z\nend\n", &errors), "set@1:1 a@1:5 <x>@1:7 !\nend@2:1 \n");
	EXPECT_NE(errors.find("f:1:10: error: text directly after a closing quote"), std::string::npos) << errors;
	EXPECT_EQ(lexed("set a x\"y\nend\n", &errors), "set@1:1 a@1:5 x@1:7 !\nend@2:1 \n");
	EXPECT_NE(errors.find("f:1:8: error: quote inside a word"), std::string::npos) << errors;
	EXPECT_EQ(lexed("set a x\\\nend\n", &errors), "set@1:1 a@1:5 x\\@1:7 !\nend@2:1 \n");
	EXPECT_NE(errors.find("f:1:8: error: backslash at the end of a line"), std::string::npos) << errors;
	EXPECT_EQ(lexed("set a \"x\\\nend\n", &errors), "set@1:1 a@1:5 !\nend@2:1 \n");
	EXPECT_NE(errors.find("f:1:7: error: this \" is not closed"), std::string::npos) << errors;
}

TEST(Lexer, control_characters_are_refused_in_values)
{
	using namespace std::string_view_literals;
	for (const std::string_view text :
	     {"set a \"b\0c\""sv, "set a b\0c"sv, "set a \"b\\\0c\""sv, "set a b\\\0c"sv, "set a \x1b[2J"sv,
	      "set a b\rc"sv, "set a \x7f"sv, "set a \"\xc2\x9b\""sv, "\0"sv}) {
		std::string errors;
		static_cast<void>(lexed(text, &errors));
		EXPECT_NE(errors.find("control character"), std::string::npos) << text;
	}
}

TEST(Lexer, utf8_is_checked_as_rfc_3629_says)
{
	EXPECT_EQ(first_invalid_utf8("plain \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"), std::string_view::npos);
	EXPECT_EQ(first_invalid_utf8("ab\xff"), 2U);
	EXPECT_EQ(first_invalid_utf8("ab\xc3"), 2U);           // cut short
	EXPECT_EQ(first_invalid_utf8("a\x80"), 1U);            // a tail without a head
	EXPECT_EQ(first_invalid_utf8("\xc0\x80"), 0U);         // overlong NUL
	EXPECT_EQ(first_invalid_utf8("\xe0\x80\x80"), 0U);     // overlong, three bytes
	EXPECT_EQ(first_invalid_utf8("\xf0\x80\x80\x80"), 0U); // overlong, four bytes
	EXPECT_EQ(first_invalid_utf8("\xed\xa0\x80"), 0U);     // surrogate
	EXPECT_EQ(first_invalid_utf8("\xf4\x90\x80\x80"), 0U); // beyond U+10FFFF
}

} // namespace

} // namespace systole::control::config
