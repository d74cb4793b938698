// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// The kernel settings that a macvlan beside its base port needs.
#include "control/takeover/interface_settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <sstream>

namespace systole::control {

namespace {

struct Wanted {
	std::string_view key;
	int value;
};
constexpr std::array<Wanted, 2> base_wanted{{{"arp_ignore", 1}, {"arp_announce", 2}}};
constexpr std::array<Wanted, 3> macvlan_ipv4{{{"rp_filter", 0}, {"arp_ignore", 1}, {"arp_announce", 2}}};
constexpr std::array<Wanted, 4> macvlan_ipv6{
	{{"disable_ipv6", 0}, {"accept_ra", 0}, {"force_mld_version", 1}, {"mldv1_unsolicited_report_interval", 1}}};
constexpr std::string_view owner = "systole";

constexpr std::string_view question_interval = "retrans_time_ms";
constexpr int quick_question_ms = 10;
constexpr int usual_question_ms = 1000;

// The neighbour tables have a folder of their own.
std::string setting_file(std::string_view family, const std::string &interface, std::string_view key)
{
	std::string file = "/proc/sys/net/";
	file.append(family).append(key == question_interval ? "/neigh/" : "/conf/");
	return file.append(interface).append("/").append(key);
}

std::optional<SettingError> write_setting(std::string_view family, const std::string &interface, std::string_view key,
					  int value)
{
	const std::string file = setting_file(family, interface, key);
	const std::string text = std::to_string(value) + "\n";
	const int fd = open(file.c_str(), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return SettingError{{errno, std::generic_category()}, file};
	const ssize_t written = write(fd, text.data(), text.size());
	const int code = errno;
	close(fd);
	if (written < 0)
		return SettingError{{code, std::generic_category()}, file};
	return std::nullopt;
}

void collect(std::vector<SettingError> &errors, std::optional<SettingError> error)
{
	if (error)
		errors.push_back(std::move(*error));
}

const Wanted *find_wanted(std::string_view key)
{
	for (const Wanted &wanted : base_wanted) {
		if (wanted.key == key)
			return &wanted;
	}
	return nullptr;
}

} // namespace

std::optional<int> read_setting(std::string_view family, const std::string &interface, std::string_view key)
{
	const int fd = open(setting_file(family, interface, key).c_str(), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return std::nullopt;
	std::array<char, 16> text{};
	const ssize_t length = read(fd, text.data(), text.size());
	close(fd);
	int value = 0;
	if (length <= 0 || std::from_chars(text.data(), text.data() + length, value).ec != std::errc{})
		return std::nullopt;
	return value;
}

std::vector<SavedSetting> base_settings_to_raise(const std::string &base)
{
	std::vector<SavedSetting> saved;
	for (const Wanted &wanted : base_wanted) {
		const std::optional<int> current = read_setting("ipv4", base, wanted.key);
		if (current && *current < wanted.value)
			saved.push_back({std::string(wanted.key), *current});
	}
	return saved;
}

std::vector<SettingError> raise_base_settings(const std::string &base, const std::vector<SavedSetting> &saved)
{
	std::vector<SettingError> errors;
	for (const SavedSetting &setting : saved)
		collect(errors, write_setting("ipv4", base, setting.key, find_wanted(setting.key)->value));
	return errors;
}

void restore_base_settings(const std::string &base, const std::vector<SavedSetting> &saved)
{
	// A base port that is gone took its settings with it; nothing else can fail in a way anybody could act on.
	for (const SavedSetting &setting : saved) {
		if (read_setting("ipv4", base, setting.key) == find_wanted(setting.key)->value)
			static_cast<void>(write_setting("ipv4", base, setting.key, setting.original));
	}
}

std::vector<SettingError> apply_macvlan_settings(const std::string &macvlan, bool has_ipv6)
{
	std::vector<SettingError> errors;
	for (const Wanted &wanted : macvlan_ipv4)
		collect(errors, write_setting("ipv4", macvlan, wanted.key, wanted.value));
	for (const Wanted &wanted : macvlan_ipv6) {
		std::optional<SettingError> error;
		if (has_ipv6 || wanted.key != "disable_ipv6")
			error = write_setting("ipv6", macvlan, wanted.key, wanted.value);
		// A kernel without IPv6 has no such files, which is no fault unless an IPv6 address is asked for.
		if (error && (has_ipv6 || error->code != std::errc::no_such_file_or_directory))
			errors.push_back(std::move(*error));
	}
	return errors;
}

void ask_neighbours_quickly(const std::string &macvlan, bool quickly)
{
	for (const std::string_view family : {"ipv4", "ipv6"}) {
		const int usual = read_setting(family, "default", question_interval).value_or(usual_question_ms);
		// Where it cannot be written, the kernel asks as it always does.
		static_cast<void>(
			write_setting(family, macvlan, question_interval, quickly ? quick_question_ms : usual));
	}
}

std::string ownership_alias(std::string_view instance, const std::vector<SavedSetting> &saved)
{
	std::string alias(owner);
	alias.append(" ").append(instance);
	for (const SavedSetting &setting : saved)
		alias.append(" ").append(setting.key).append("=").append(std::to_string(setting.original));
	return alias;
}

std::optional<std::vector<SavedSetting>> parse_ownership_alias(std::string_view alias, std::string_view instance)
{
	std::istringstream words{std::string(alias)};
	std::string word;
	if (!(words >> word) || word != owner || !(words >> word) || word != instance)
		return std::nullopt;
	std::vector<SavedSetting> saved;
	while (words >> word) {
		const std::size_t equals = word.find('=');
		if (equals == std::string::npos)
			continue;
		SavedSetting setting{word.substr(0, equals), 0};
		const char *end = word.data() + word.size();
		const auto [rest, error] = std::from_chars(word.data() + equals + 1, end, setting.original);
		if (error == std::errc{} && rest == end && find_wanted(setting.key) != nullptr)
			saved.push_back(std::move(setting));
	}
	return saved;
}

} // namespace systole::control
