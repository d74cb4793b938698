// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/sandbox/file_modes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace systole::control {

namespace {

constexpr mode_t all_modes = 07777;
constexpr mode_t of_others = S_IRWXO;
constexpr mode_t of_the_group = S_IRWXG;

std::string octal(mode_t mode)
{
	std::array<char, 8> text{};
	std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
	return text.data();
}

// Adds to `faults` when `path` has one of the modes that are `forbidden`, or another owner than root or this user.
void look(const std::string &path, mode_t forbidden, std::string_view what, std::vector<std::string> &faults)
{
	struct stat info {};
	if (lstat(path.c_str(), &info) != 0)
		return; // not there; whoever needs it says so
	if (S_ISLNK(info.st_mode) && stat(path.c_str(), &info) != 0)
		return;
	if (info.st_uid != 0 && info.st_uid != geteuid())
		faults.push_back(path + ": " + std::string(what) + " belongs to the user " +
				 std::to_string(info.st_uid) +
				 ", who can read and change it: chown it to root or to the user of this daemon (" +
				 std::to_string(geteuid()) + ")");
	const mode_t mode = info.st_mode & all_modes;
	if ((mode & forbidden) != 0)
		faults.push_back(path + ": " + std::string(what) + " has mode " + octal(mode) +
				 ", so that others than its owner can get at it: chmod " + octal(mode & S_IRWXU) + " " +
				 path);
}

} // namespace

std::vector<std::string> loose_configuration(const std::string &file)
{
	std::vector<std::string> faults;
	look(file, of_others | S_IWGRP, "a configuration with a password", faults);
	return faults;
}

std::vector<std::string> loose_state(const std::string &directory)
{
	std::vector<std::string> faults;
	look(directory, of_others | S_IWGRP, "the directory of this instance's state", faults);
	const std::string resume = directory + "/resume";
	look(resume, of_others | of_the_group, "the directory of the resume keys", faults);
	std::error_code unreadable;
	for (const auto &entry : std::filesystem::directory_iterator(resume, unreadable))
		look(entry.path().string(), of_others | of_the_group, "a resume key", faults);
	return faults;
}

} // namespace systole::control
