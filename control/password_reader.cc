// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
#include "control/password_reader.h"

#include "control/config/configuration.h"
#include "control/config/parse.h"
#include "crypto/hake.h"

#include <boost/asio/post.hpp>

#include <sys/stat.h>

#include <memory>
#include <utility>

namespace systole::control {

PasswordSet stretched(const Configuration::Ha &ha, std::uint16_t group_id, std::string_view group_name)
{
	PasswordSet set;
	const auto add = [&](const SecretText &password, std::uint8_t index) {
		auto prs = crypto::derive_prs(password.view(), group_id, group_name);
		if (!prs) {
			set.error = "the cluster password could not be stretched: not enough memory (32 MiB)";
			return;
		}
		set.passwords.insert_or_assign(index, std::move(*prs));
		set.indexes.push_back(index);
	};
	add(ha.password, ha.password_index);
	if (!ha.password_next.empty())
		add(ha.password_next, ha.password_next_index);
	if (set.error.empty())
		return set;
	PasswordSet none;
	none.error = std::move(set.error);
	return none;
}

PasswordReader::PasswordReader(boost::asio::io_context &io, std::string file, std::uint16_t group_id,
			       std::string group_name)
    : m_io(io), m_file(std::move(file)), m_group_id(group_id), m_group_name(std::move(group_name)), m_read(version())
{
}

PasswordReader::Version PasswordReader::version() const
{
	struct stat found {};
	if (stat(m_file.c_str(), &found) != 0)
		return {}; // reading it will tell why
	return {found.st_ino, found.st_size,
		std::int64_t{found.st_ctim.tv_sec} * 1'000'000'000 + found.st_ctim.tv_nsec};
}

PasswordSet PasswordReader::read_now()
{
	PasswordSet set;
	const Version now = version();
	if (now == m_read && now != Version{}) {
		set.unchanged = true;
		return set;
	}
	ParseResult parsed = load_configuration(m_file);
	if (parsed.ok()) {
		set = stretched(parsed.configuration.ha, m_group_id, m_group_name);
		if (set.error.empty())
			m_read = now;
		return set;
	}
	set.error =
		"the passwords stay as they are, because the configuration is not good: " + to_text(parsed.diagnostics);
	set.error = set.error.substr(0, set.error.find('\n'));
	return set;
}

bool PasswordReader::read(Done done)
{
	if (std::exchange(m_busy, true))
		return false;
	boost::asio::post(m_thread, [this, done = std::move(done)]() mutable {
		auto set = std::make_shared<PasswordSet>(read_now());
		boost::asio::post(m_io, [this, set, done = std::move(done)] {
			m_busy = false;
			done(std::move(*set));
		});
	});
	return true;
}

} // namespace systole::control
