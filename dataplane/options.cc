// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "dataplane/options.h"

#include <boost/program_options.hpp>

#include <algorithm>
#include <sstream>

namespace systole::dataplane {

namespace po = boost::program_options;

namespace {

po::options_description described()
{
	po::options_description all("Options");
	all.add_options()("file,f", po::value<std::string>()->value_name("FILE"),
			  "configuration (default /etc/systole/systole.conf)")("test,t",
									       "check the configuration, report, exit")(
		"interactive,i", "give a prompt (systolectl); leaving it stops the daemon")(
		"instance,n", po::value<std::string>()->value_name("NAME"),
		"name of this member on this host (default \"default\")")(
		"read-group", po::value<std::string>()->value_name("GROUP"),
		"members may look over the control socket, but change nothing")(
		"write-group", po::value<std::string>()->value_name("GROUP"),
		"members may do everything over the control socket")(
		"no-sandbox", "give up no capabilities and no system calls (for debugging)")
#ifdef SYSTOLE_KEY_LOG
		("key-log", po::value<std::string>()->value_name("DIR"),
		 "write ESP keys to DIR in the form tshark reads")
#endif
			("version", "say which version this is")("help,h", "say this");
	return all;
}

} // namespace

ParsedOptions parse_options(std::span<const char *const> arguments)
{
	ParsedOptions result;
	Options &options = result.options;
	std::vector<std::string> own(arguments.begin(), arguments.end());
	if (const auto separator = std::find(own.begin(), own.end(), "--"); separator != own.end()) {
		options.eal.assign(own.begin(), separator);
		own.erase(own.begin(), separator + 1);
	}
	try {
		// No guessing: a shortened option that works today may mean two things tomorrow.
		const int style = po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
		po::variables_map given;
		po::store(po::command_line_parser(own).options(described()).positional({}).style(style).run(), given);
		if (given.count("file") != 0)
			options.file = given["file"].as<std::string>();
		if (given.count("instance") != 0)
			options.instance = given["instance"].as<std::string>();
		if (given.count("key-log") != 0)
			options.key_log = given["key-log"].as<std::string>();
		if (given.count("read-group") != 0)
			options.read_group = given["read-group"].as<std::string>();
		if (given.count("write-group") != 0)
			options.write_group = given["write-group"].as<std::string>();
		options.sandbox = given.count("no-sandbox") == 0;
		options.prompt = given.count("interactive") != 0;
		if (given.count("help") != 0)
			options.action = Options::Action::help;
		else if (given.count("version") != 0)
			options.action = Options::Action::version;
		else if (given.count("test") != 0)
			options.action = Options::Action::test;
	} catch (const po::error &error) {
		result.error = error.what();
		return result;
	}
	return result;
}

std::string usage()
{
	std::ostringstream text;
	text << "systoled [EAL options --] [options]\n\n"
	     << described()
	     << "\nEAL options may be left out: they are then made from the configuration.\n"
		"Exit codes: 0 ok, 2 usage, 3 configuration, 4 EAL or port, 5 another instance runs, 6 keys or "
		"permissions, 1 anything else.\n";
	return text.str();
}

} // namespace systole::dataplane
