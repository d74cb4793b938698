// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors

#include "control/config/show.h"

#include "control/config/option.h"
#include "tests/unit/config/vectors.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <functional>

namespace systole::control::config {

namespace {

ParseResult member()
{
	return parse_configuration(read_source("tests/vectors/config/member.conf"), "member.conf");
}

Configuration without_password(Configuration configuration)
{
	configuration.ha.password = SecretText{};
	return configuration;
}

TEST(Show, what_is_printed_reads_back_as_the_same_configuration)
{
	const Configuration first = member().configuration;
	for (const ShowForm form : {ShowForm::changed, ShowForm::full}) {
		const std::string text = replaced(*show_configuration(first, "", form), "set password ENC *",
						  "set password \"another password\"");
		const ParseResult second = parse_configuration(text, "shown");
		ASSERT_TRUE(second.ok()) << to_text(second.diagnostics) << text;
		EXPECT_EQ(without_password(second.configuration), without_password(first));
		EXPECT_EQ(*show_configuration(second.configuration, "", form), *show_configuration(first, "", form));
	}
}

TEST(Show, the_full_form_of_the_defaults_reads_back_as_the_defaults)
{
	const std::string text = *show_configuration(Configuration{}, "", ShowForm::full);
	const ParseResult result = parse_configuration(text, "shown");
	EXPECT_EQ(to_text(result.diagnostics), "");
	EXPECT_EQ(result.configuration, Configuration{});
	EXPECT_NE(text.find("    set hb-lost-threshold 20\n"), std::string::npos);
	EXPECT_NE(text.find("    unset monitor\n"), std::string::npos);
	EXPECT_EQ(text.find("schedule"), std::string::npos)
		<< "options without effect are not listed at their defaults";
}

TEST(Show, one_section_in_the_vendors_form)
{
	const auto result = parse_configuration(
		in_cluster("set group-name \"a \\\"b\\\" \\\\ c\"\nset monitor p1 p2\nset override disable\n"
			   "config ha-mgmt-interfaces\nedit 1\nset interface m\nnext\nend"),
		"f");
	ASSERT_TRUE(result.ok()) << to_text(result.diagnostics);
	EXPECT_EQ(*show_configuration(result.configuration, "system ha"), "config system ha\n"
									  "    set group-name \"a \\\"b\\\" \\\\ c\"\n"
									  "    set mode a-p\n"
									  "    set password ENC *\n"
									  "    set hbdev \"hb0\" 50\n"
									  "    config ha-mgmt-interfaces\n"
									  "        edit 1\n"
									  "            set interface \"m\"\n"
									  "        next\n"
									  "    end\n"
									  "    set monitor \"p1\" \"p2\"\n"
									  "end\n");
	EXPECT_EQ(*show_configuration(Configuration{}, "system ha"), "config system ha\nend\n");
	EXPECT_EQ(*show_configuration(Configuration{}), "");
	EXPECT_FALSE(show_configuration(Configuration{}, "system hi"));
}

TEST(Show, a_text_emptied_on_purpose_stays_empty)
{
	const std::string text = "config system link-monitor\nedit l\nset server s\nset http-get \"\"\nnext\nend\n";
	const auto result = parse_configuration(text, "f");
	ASSERT_TRUE(result.ok());
	EXPECT_EQ(result.configuration.link_monitors.at(0).http_get, "");
	EXPECT_EQ(parse_configuration(*show_configuration(result.configuration), "f").configuration,
		  result.configuration);
}

TEST(Show, session_filters_in_their_order_and_in_one_form)
{
	const auto result =
		parse_configuration("config system ha\nset session-pickup enable\nset session-pickup-connectionless "
				    "enable\nend\nconfig system session-filter\n"
				    "edit z\nset address 10.1.0.0/16\nset protocol 17\nset port 53-53\nnext\n"
				    "edit a\nset action skip\nset address 2001:DB8::/32\nset protocol 58\nnext\n"
				    "edit m\nset action sync\nset protocol 0\nset port 1-65535\nnext\n"
				    "edit n\nset protocol 047\nnext\nend\n",
				    "f");
	ASSERT_EQ(to_text(result.diagnostics), "");
	EXPECT_EQ(*show_configuration(result.configuration, "system session-filter"),
		  "config system session-filter\n"
		  "    edit \"z\"\n"
		  "        set address 10.1.0.0 255.255.0.0\n"
		  "        set protocol udp\n"
		  "        set port 53\n"
		  "    next\n"
		  "    edit \"a\"\n"
		  "        set action skip\n"
		  "        set address 2001:db8::/32\n"
		  "        set protocol icmp6\n"
		  "    next\n"
		  "    edit \"m\"\n"
		  "        set port 1-65535\n"
		  "    next\n"
		  "    edit \"n\"\n"
		  "        set protocol 47\n"
		  "    next\n"
		  "end\n");
	for (const ShowForm form : {ShowForm::changed, ShowForm::full}) {
		const auto again = parse_configuration(*show_configuration(result.configuration, "", form), "shown");
		EXPECT_TRUE(again.ok()) << to_text(again.diagnostics);
		EXPECT_EQ(again.configuration, result.configuration);
	}
	EXPECT_EQ(boost::json::serialize(*configuration_json(result.configuration, "system session-filter")),
		  R"({"system session-filter":[{"name":"z","address":"10.1.0.0 255.255.0.0","protocol":"udp",)"
		  R"("port":"53"},{"name":"a","action":"skip","address":"2001:db8::/32","protocol":"icmp6"},)"
		  R"({"name":"m","port":"1-65535"},{"name":"n","protocol":"47"}]})");
}

TEST(Show, the_password_is_in_no_form)
{
	const Configuration configuration = member().configuration;
	for (const ShowForm form : {ShowForm::changed, ShowForm::full}) {
		EXPECT_EQ(show_configuration(configuration, "", form)->find("correct horse"), std::string::npos);
		EXPECT_EQ(boost::json::serialize(*configuration_json(configuration, "", form)).find("correct horse"),
			  std::string::npos);
	}
	EXPECT_EQ(synchronised_text(configuration).find("assword"), std::string::npos);
}

TEST(Show, json_has_numbers_booleans_and_lists)
{
	const auto json = configuration_json(member().configuration);
	ASSERT_TRUE(json);
	const auto &ha = json->at("system ha").as_object();
	EXPECT_EQ(ha.at("group-id"), 103);
	EXPECT_EQ(ha.at("session-pickup"), true);
	EXPECT_EQ(ha.at("password"), "ENC *");
	EXPECT_EQ(boost::json::serialize(ha.at("hbdev")),
		  R"([{"name":"hb0","priority":50},{"name":"hb1","priority":40}])");
	EXPECT_EQ(boost::json::serialize(ha.at("monitor")), R"(["port1","port2"])");
	EXPECT_EQ(boost::json::serialize(ha.at("cpu-threshold")), "[5,0,0]");
	const auto &port1 = json->at("system interface").as_array().at(2).as_object();
	EXPECT_EQ(port1.at("name"), "port1");
	EXPECT_EQ(port1.at("ip"), "10.1.1.254 255.255.255.0");
	EXPECT_EQ(boost::json::serialize(*configuration_json(Configuration{}, "system global")),
		  R"({"system global":{}})");
	EXPECT_FALSE(configuration_json(Configuration{}, "nothing"));
}

// Every option once with another value than its default: does the checksum see it exactly when it should?
TEST(Checksum, changes_with_every_synchronised_option_and_with_no_other)
{
	const ParseResult whole = member();
	const ConfigurationChecksum before = configuration_checksum(whole.configuration);
	std::size_t tried = 0;
	// The member file sets every bound option away from its default; put each back in turn.
	const std::function<void(const Section &, void *, Configuration &, bool)> visit =
		[&](const Section &section, void *parent, Configuration &configuration, bool inherited) {
			if (section.shape == Shape::ignored)
				return;
			const bool is_synchronised = inherited && section.is_synchronised;
			for (std::size_t i = 0; i < section.access.count(parent); ++i) {
				void *object = section.access.at(parent, i);
				for (const Option &option : section.options) {
					if (!option.binding || option.kind == Kind::secret)
						continue;
					const Words words = option.binding.words(object, option);
					if (words == fallback_words(option))
						continue;
					option.binding.assign(object, option, fallback_words(option));
					EXPECT_EQ(configuration_checksum(configuration) != before,
						  is_synchronised && option.is_synchronised)
						<< section.path << " " << option.name;
					option.binding.assign(object, option, words);
					++tried;
				}
				for (const Section *nested : section.nested)
					visit(*nested, object, configuration, is_synchronised);
			}
		};
	Configuration configuration = whole.configuration;
	for (const Section *section : root_section().nested)
		visit(*section, &configuration, configuration, true);
	EXPECT_EQ(configuration_checksum(configuration), before);
	EXPECT_GT(tried, 80U);
}

TEST(Checksum, does_not_depend_on_what_belongs_to_one_member)
{
	const std::string text = read_source("tests/vectors/config/member.conf");
	const auto of = [](const std::string &one) {
		const auto result = parse_configuration(one, "f");
		EXPECT_TRUE(result.ok()) << to_text(result.diagnostics);
		return configuration_checksum(result.configuration);
	};
	const auto before = of(text);
	EXPECT_EQ(of(replaced(text, "set hostname \"m1\"", "set hostname \"m2\"")), before);
	EXPECT_EQ(of(replaced(text, "SYS0000000000001", "SYS0000000000002")), before);
	EXPECT_EQ(of(replaced(text, "set priority 200", "set priority 100")), before);
	EXPECT_EQ(of(replaced(text, "set priority 120", "set priority 100")), before);
	EXPECT_EQ(of(replaced(text, "set override enable", "set override disable")), before);
	EXPECT_EQ(of(replaced(text, "set ha-priority 5", "set ha-priority 6")), before);
	EXPECT_EQ(of(replaced(text, "iface=hb0", "iface=eth7")), before);
	EXPECT_EQ(of(replaced(text, "10.9.31.254", "10.9.31.253")), before);
	EXPECT_EQ(of(replaced(text, "set interface \"mgmt\"", "set interface \"mgmt2\"")), before);
	EXPECT_EQ(of(replaced(text, "\"5 0 0\"", "\"6 0 0\"")), before);
	EXPECT_EQ(of(replaced(text, "correct horse", "another horse")), before) << "it would let anybody test guesses";
	EXPECT_NE(of(replaced(text, "10.1.1.254", "10.1.1.253")), before);
	EXPECT_NE(of(replaced(text, "set failtime 2", "set failtime 3")), before);
	EXPECT_NE(of(replaced(text, "set port 8000-8100", "set port 8000-8101")), before);
	EXPECT_NE(of(replaced(text, "edit \"servers\"", "edit \"server\"")), before);
	EXPECT_EQ(of(replaced(text, "set address 10.1.0.0/16", "set address 10.1.0.0 255.255.0.0")), before);
	EXPECT_NE(of(replaced(text, "set schedule leastconnection", "set schedule ip")), before);
	EXPECT_EQ(of(replaced(text, "set mode a-p", "  set   mode 'a-p' # the same")), before)
		<< "the text's form does not matter";
}

TEST(Tables, the_initial_values_of_configuration_are_the_defaults_of_the_tables)
{
	std::size_t compared = 0;
	const std::function<void(const Section &, void *)> visit = [&](const Section &section, void *parent) {
		if (section.shape == Shape::ignored)
			return;
		void *object =
			section.shape == Shape::table ? section.access.append(parent) : section.access.at(parent, 0);
		for (const Option &option : section.options) {
			if (!option.binding)
				continue;
			// Values that must be set have no default.
			if (option.is_mandatory)
				continue;
			EXPECT_EQ(option.binding.words(object, option), fallback_words(option))
				<< section.path << " " << option.name;
			++compared;
		}
		for (const Section *nested : section.nested)
			visit(*nested, object);
	};
	Configuration configuration;
	for (const Section *section : root_section().nested)
		visit(*section, &configuration);
	EXPECT_GT(compared, 80U);
}

TEST(Tables, every_option_has_a_member_of_its_own)
{
	std::size_t tried = 0;
	const std::function<void(const Section &, void *)> visit = [&](const Section &section, void *parent) {
		if (section.shape == Shape::ignored)
			return;
		for (std::size_t i = 0; i < section.access.count(parent); ++i) {
			void *object = section.access.at(parent, i);
			const auto all = [&] {
				std::vector<Words> values;
				for (const Option &option : section.options)
					values.push_back(option.binding ? option.binding.words(object, option)
									: Words{});
				return values;
			};
			for (const Option &option : section.options) {
				const std::vector<Words> before = all();
				const Words words =
					option.binding ? option.binding.words(object, option) : fallback_words(option);
				if (words == fallback_words(option) || option.kind == Kind::secret)
					continue;
				option.binding.assign(object, option, fallback_words(option));
				const std::vector<Words> after = all();
				for (std::size_t k = 0; k < before.size(); ++k)
					EXPECT_EQ(before[k] != after[k], &section.options[k] == &option)
						<< section.path << ": " << option.name << " and "
						<< section.options[k].name;
				option.binding.assign(object, option, words);
				++tried;
			}
			for (const Section *nested : section.nested)
				visit(*nested, object);
		}
	};
	Configuration configuration = member().configuration;
	for (const Section *section : root_section().nested)
		visit(*section, &configuration);
	EXPECT_EQ(configuration, member().configuration);
	EXPECT_GT(tried, 80U);
}

TEST(Tables, assigning_the_words_of_the_default_gives_the_default_and_names_are_unique)
{
	const std::function<void(const Section &, void *)> visit = [&](const Section &section, void *parent) {
		if (section.shape == Shape::ignored)
			return;
		void *object =
			section.shape == Shape::table ? section.access.append(parent) : section.access.at(parent, 0);
		for (const Option &option : section.options) {
			EXPECT_EQ(section.option(option.name), &option) << "listed twice: " << option.name;
			EXPECT_TRUE(option.binding || section.access.kept != nullptr)
				<< option.name << " has no place to be kept";
			EXPECT_FALSE(option.help.empty()) << option.name;
			if (option.binding && !option.is_mandatory) {
				option.binding.assign(object, option, fallback_words(option));
				EXPECT_EQ(option.binding.words(object, option), fallback_words(option)) << option.name;
			}
		}
		for (const Section *nested : section.nested) {
			EXPECT_TRUE(nested->follows.empty() || section.option(nested->follows) != nullptr)
				<< nested->path;
			visit(*nested, object);
		}
	};
	Configuration configuration;
	for (const Section *section : root_section().nested)
		visit(*section, &configuration);
}

} // namespace

} // namespace systole::control::config
