// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// systolectl: speaks to one running systoled.
//
//   systolectl [-n INSTANCE | -s SOCKET] [-j] [-w SECONDS] [COMMAND... | - | FILE]
#include "control/cli/client.h"
#include "control/cli/command_tree.h"
#include "control/cli/prompt.h"
#include "control/cli/runner.h"
#include "control/instance.h"

#include <fmt/format.h>

#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace {

using namespace systole::control;
using namespace systole::control::cli;

constexpr std::string_view usage =
	"usage: systolectl [-n INSTANCE | -s SOCKET] [-j] [-w SECONDS] [COMMAND... | - | FILE]\n";
constexpr std::string_view help =
	"\n"
	"Speaks to a running systoled. Without a command: a prompt (? tells what may come next, TAB completes).\n"
	"- or a file: a batch, one command a line. Words may be shortened while they stay unique.\n\n"
	"  -n, --instance NAME   the daemon of that name (default: $SYSTOLE_INSTANCE, or \"default\")\n"
	"  -s, --socket PATH     the daemon at that control socket\n"
	"  -j, --json            JSON, one object a line\n"
	"  -w, --wait SECONDS    first wait so long for the daemon to be there\n"
	"  -h, --help            this\n"
	"  -V, --version         the version\n\n"
	"Exit codes: 0 done, 1 the daemon answered with an error, 2 not understood, 3 no daemon answers.\n\n"
	"Commands:\n";

int leave(Exit code)
{
	return static_cast<int>(code);
}

int print_help()
{
	fmt::print("{}{}", usage, help);
	for (const Command &command : commands()) {
		if (!command.offered)
			continue;
		std::string words;
		for (const std::string &word : split_words(command.words))
			words.append(words.empty() ? "" : " ").append(word, 0, word.find('/'));
		if (!command.arguments.empty())
			words.append(" ").append(command.arguments);
		fmt::print("  {:<40} {}\n", words, command.help);
	}
	return leave(Exit::ok);
}

int refuse(std::string_view message)
{
	fmt::print(stderr, "systolectl: {}\n{}", message, usage);
	return leave(Exit::usage);
}

bool is_file(const std::string &name)
{
	struct stat info {};
	return stat(name.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

int run_file(Runner &runner, const std::string &name)
{
	const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(name.c_str(), "re"), std::fclose);
	if (!file)
		return refuse(fmt::format("cannot read {}: {}", name, std::strerror(errno)));
	return leave(runner.run_batch(file.get(), name));
}

} // namespace

int main(int argc, char **argv)
{
	constexpr std::array<option, 7> long_options{{{"instance", required_argument, nullptr, 'n'},
						      {"socket", required_argument, nullptr, 's'},
						      {"json", no_argument, nullptr, 'j'},
						      {"wait", required_argument, nullptr, 'w'},
						      {"help", no_argument, nullptr, 'h'},
						      {"version", no_argument, nullptr, 'V'},
						      {nullptr, 0, nullptr, 0}}};
	CliOptions options;
	const char *environment = std::getenv("SYSTOLE_INSTANCE");
	options.instance = environment != nullptr && *environment != '\0' ? environment : "default";
	bool named = false;
	std::chrono::seconds patience{0};
	for (int letter; (letter = getopt_long(argc, argv, "+n:s:jw:hV", long_options.data(), nullptr)) != -1;) {
		switch (letter) {
		case 'n':
			options.instance = optarg;
			named = true;
			break;
		case 's': options.socket = optarg; break;
		case 'j': options.json = true; break;
		case 'w':
			patience = std::chrono::seconds{std::atoi(optarg)};
			if (patience < std::chrono::seconds{1})
				return refuse(fmt::format("--wait {}: give seconds, 1 or more", optarg));
			break;
		case 'h': return print_help();
		case 'V': fmt::print("systolectl {}\n", SYSTOLE_VERSION); return leave(Exit::ok);
		default: fmt::print(stderr, "{}", usage); return leave(Exit::usage);
		}
	}
	if (!options.socket.empty()) {
		if (named)
			return refuse("give -n or -s, not both");
		options.instance.clear();
	} else {
		if (!is_instance_name(options.instance))
			return refuse(fmt::format("'{}' is not an instance name: use 1 to 32 of A-Z a-z 0-9 _ -",
						  options.instance));
		options.socket = instance_paths(options.instance).socket();
	}

	// Whoever does not come is told of by the first request.
	if (patience != std::chrono::seconds{0})
		(void)wait_for_daemon(options.socket, patience);
	std::string line;
	for (int i = optind; i < argc; ++i)
		line.append(argv[i]).append(" ");
	const auto words = split_words(line);
	Runner runner(options);
	if (words.empty()) {
		if (!isatty(STDIN_FILENO))
			return leave(runner.run_batch(stdin, "standard input"));
		return leave(run_prompt(runner, options.instance.empty() ? "systole" : options.instance));
	}
	if (words.size() == 1 && words[0] == "-")
		return leave(runner.run_batch(stdin, "standard input"));
	if (optind + 1 == argc && words[0] != "?" && choices({}, words[0]).empty() && is_file(argv[optind]))
		return run_file(runner, argv[optind]);
	return leave(runner.run(words));
}
