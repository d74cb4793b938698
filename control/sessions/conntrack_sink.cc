// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// Writes sessions into the kernel's connection tracking.
#include "control/sessions/conntrack_sink.h"

#include "control/sessions/conntrack_message.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <vector>

namespace systole::control {

namespace {

constexpr std::size_t most_messages = 3; // for one record in one round: replace
// The longest way: update, update without helper, create, look, update, update without helper, replace, create without
// helper.
constexpr int most_rounds = 9;

// The front part that is of one kind, at most that many.
std::span<const core::SessionRecord> run_of(std::span<const core::SessionRecord> records, std::size_t most)
{
	records = records.first(std::min(most, records.size()));
	const auto other = std::ranges::find_if(records, [&](const core::SessionRecord &record) {
		return record.key.kind != records.front().key.kind;
	});
	return records.first(static_cast<std::size_t>(other - records.begin()));
}

} // namespace

ConntrackSink::ConntrackSink(ConntrackSinkSettings settings) : m_settings(settings), m_known(settings.capacity)
{
	m_settings.batch = std::clamp<std::size_t>(settings.batch, 1, ConntrackRequests::most / most_messages);
}

bool ConntrackSink::start(std::string &error)
{
	if (!m_requests.open(error))
		return false;
	m_listener = open_conntrack_socket(0, error);
	if (m_listener == nullptr)
		return false;
	int group = NFNLGRP_CONNTRACK_EXP_DESTROY;
	if (mnl_socket_setsockopt(m_listener.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		error = "connection tracking: cannot listen for events: " + std::string(strerror(errno)) +
			" (is nf_conntrack_netlink in this kernel?)";
		return false;
	}
	m_usual.read();
	return true;
}

void ConntrackSink::stop()
{
	m_requests.close();
	m_listener.reset();
}

std::size_t ConntrackSink::put(std::span<const core::SessionRecord> records)
{
	m_refused.clear();
	std::size_t at = 0;
	while (at < records.size()) {
		const std::span<const core::SessionRecord> run = run_of(records.subspan(at), m_settings.batch);
		if (run.front().is_expectation()) {
			put_expectations(run, at);
		} else {
			put_batch(run);
			for (std::size_t i = 0; i < run.size(); ++i)
				if (m_steps[i] == Step::refused)
					m_refused.push_back(at + i);
		}
		at += run.size();
	}
	return m_refused.size();
}

void ConntrackSink::put_expectations(std::span<const core::SessionRecord> records, std::size_t first)
{
	for (std::size_t i = 0; i < records.size(); ++i) {
		const std::uint32_t timeout_s = std::max(records[i].timeout_s, m_settings.least_timeout_s);
		add(i, write_remove(m_requests.room(), records[i].key), false);
		add(i, write_expectation(m_requests.room(), records[i], timeout_s, Create::yes), true);
		add(i, write_expectation(m_requests.room(), records[i], timeout_s, Create::no), false);
	}
	const std::size_t before = m_refused.size();
	const auto note = [&](std::size_t request, int code) {
		if (!m_decides[request])
			return;
		m_refused.push_back(first + m_asker[request]);
		m_counters.last_errno = code;
	};
	if (const int transport = m_requests.ask(note, [](std::size_t, const nlmsghdr &) {})) {
		m_refused.resize(before);
		for (std::size_t i = 0; i < records.size(); ++i)
			m_refused.push_back(first + i);
		m_counters.last_errno = transport;
	}
	const std::size_t failed = m_refused.size() - before;
	m_counters.refused += failed;
	m_counters.put += records.size() - failed;
}

void ConntrackSink::put_batch(std::span<const core::SessionRecord> records)
{
	for (std::size_t i = 0; i < records.size(); ++i)
		m_marks[i] = m_known.mark(records[i]);
	for (std::size_t i = 0; i < records.size(); ++i)
		m_steps[i] = m_known.has(m_marks[i]) ? Step::update : Step::create;
	for (int round = 0; round < most_rounds; ++round) {
		const std::array<Step, ConntrackRequests::most> before = m_steps;
		for (std::size_t i = 0; i < records.size(); ++i)
			if (!ended(m_steps[i])) {
				write_step(i, records[i]);
				m_steps[i] = Step::done; // unless it fails, or answers
			}
		if (m_requests.size() == 0)
			return;
		const int transport = m_requests.ask(
			[&](std::size_t request, int code) {
				const std::size_t i = m_asker[request];
				if (m_decides[request])
					m_steps[i] = after_failure(before[i], code, records[i]);
			},
			[&](std::size_t request, const nlmsghdr &header) {
				core::SessionRecord there;
				const ConntrackReading reading = read_conntrack(header, there);
				const std::size_t i = m_asker[request];
				const bool same = reading == ConntrackReading::whole && there.key == records[i].key &&
						  there.reply == records[i].reply;
				m_steps[i] = same ? Step::update : Step::replace;
			});
		for (std::size_t i = 0; i < records.size(); ++i) {
			if (ended(before[i]))
				continue;
			if (transport != 0) {
				m_steps[i] = refuse(records[i].key, transport);
			} else if (m_steps[i] == Step::done) {
				++m_counters.put;
				m_helperless += before[i] == Step::create_without_helper ? 1 : 0;
				m_known.remember(m_marks[i]);
			}
		}
	}
	for (std::size_t i = 0; i < records.size(); ++i)
		if (!ended(m_steps[i]))
			m_steps[i] = refuse(records[i].key, EBUSY);
}

ConntrackSink::Step ConntrackSink::refuse(const core::SessionKey &key, int code)
{
	++m_counters.refused;
	m_counters.last_errno = code;
	m_known.forget(key);
	return Step::refused;
}

ConntrackSink::Step ConntrackSink::after_failure(Step step, int code, const core::SessionRecord &record)
{
	const bool could_be_the_helper = record.helper != core::SessionHelper::none &&
					 step != Step::create_without_helper && step != Step::update_without_helper;
	switch (step) {
	case Step::update:
	case Step::update_without_helper:
		if (code == ENOENT)
			return Step::create;
		if (code == EOPNOTSUPP && could_be_the_helper)
			return Step::update_without_helper;
		if (code == EBUSY) // it has a status bit more: an earlier session of the same key
			return Step::replace;
		break;
	case Step::create:
	case Step::create_without_helper:
		if (code == EEXIST)
			return Step::look;
		if (code == EOPNOTSUPP && could_be_the_helper)
			return Step::create_without_helper;
		break;
	case Step::look:
		if (code == ENOENT) // another session holds the reply tuple
			return Step::replace;
		break;
	case Step::replace:
		if (code == EOPNOTSUPP && could_be_the_helper)
			return Step::create_without_helper;
		break;
	case Step::done:
	case Step::refused: break;
	}
	return refuse(record.key, code);
}

void ConntrackSink::add(std::size_t record, std::size_t length, bool decides)
{
	m_asker[m_requests.size()] = static_cast<std::uint16_t>(record);
	m_decides[m_requests.size()] = decides;
	m_requests.add(length);
}

void ConntrackSink::write_step(std::size_t index, const core::SessionRecord &record)
{
	const std::uint32_t timeout_s = std::max(record.timeout_s, m_settings.least_timeout_s);
	switch (m_steps[index]) {
	case Step::update: return add(index, write_update(m_requests.room(), record, timeout_s, WithHelper::yes), true);
	case Step::update_without_helper:
		return add(index, write_update(m_requests.room(), record, timeout_s, WithHelper::no), true);
	case Step::create: return add(index, write_create(m_requests.room(), record, timeout_s, WithHelper::yes), true);
	case Step::create_without_helper:
		return add(index, write_create(m_requests.room(), record, timeout_s, WithHelper::no), true);
	case Step::look: return add(index, write_get(m_requests.room(), record.key), true);
	case Step::replace:
		add(index, write_remove(m_requests.room(), record.key), false);
		add(index, write_remove_reply(m_requests.room(), record), false);
		return add(index, write_create(m_requests.room(), record, timeout_s, WithHelper::yes), true);
	case Step::done:
	case Step::refused: break;
	}
}

std::size_t ConntrackSink::remove(std::span<const core::SessionKey> keys)
{
	m_refused.clear();
	for (std::size_t at = 0; at < keys.size(); at += m_settings.batch) {
		const std::span<const core::SessionKey> batch =
			keys.subspan(at, std::min(m_settings.batch, keys.size() - at));
		for (const core::SessionKey &key : batch) {
			m_requests.add(write_remove(m_requests.room(), key));
			m_known.forget(key);
		}
		const std::size_t before = m_refused.size();
		const auto note = [&](std::size_t request, int code) {
			if (code == ENOENT)
				return;
			m_refused.push_back(at + request);
			m_counters.last_errno = code;
		};
		if (const int transport = m_requests.ask(note, [](std::size_t, const nlmsghdr &) {})) {
			m_refused.resize(before);
			for (std::size_t i = 0; i < batch.size(); ++i)
				note(i, transport);
		}
		m_counters.removed += batch.size() - (m_refused.size() - before);
	}
	m_counters.refused += m_refused.size();
	return m_refused.size();
}

std::size_t ConntrackSink::trim(std::span<const core::SessionRecord> records)
{
	std::size_t shortened = 0;
	for (; !records.empty(); records = records.subspan(run_of(records, m_settings.batch).size())) {
		const auto batch = run_of(records, m_settings.batch);
		if (batch.front().is_expectation()) {
			shortened += trim_expectations(batch);
			continue;
		}
		std::array<core::SessionRecord, ConntrackRequests::most> there;
		std::size_t found = 0;
		for (const core::SessionRecord &record : batch)
			m_requests.add(write_get(m_requests.room(), record.key));
		const auto ignore = [](std::size_t, int) {}; // it has ended, or the whole exchange has failed
		const auto take = [&](std::size_t, const nlmsghdr &header) {
			if (read_conntrack(header, there[found]) == ConntrackReading::whole &&
			    there[found].timeout_s > m_usual.of(there[found]))
				++found;
		};
		if (m_requests.ask(ignore, take) != 0 || found == 0)
			continue;
		for (std::size_t i = 0; i < found; ++i)
			m_requests.add(write_timeout(m_requests.room(), there[i].key, m_usual.of(there[i])));
		std::size_t failed = 0;
		if (m_requests.ask([&](std::size_t, int) { ++failed; }, [](std::size_t, const nlmsghdr &) {}) == 0)
			shortened += found - failed;
	}
	return shortened;
}

// What is left to live when it was told is what its helper gave it then.
std::size_t ConntrackSink::trim_expectations(std::span<const core::SessionRecord> records)
{
	for (const core::SessionRecord &record : records)
		m_requests.add(write_expectation(m_requests.room(), record, record.timeout_s, Create::no));
	std::size_t failed = 0;
	const int transport = m_requests.ask([&](std::size_t, int) { ++failed; }, [](std::size_t, const nlmsghdr &) {});
	return transport == 0 ? records.size() - failed : 0;
}

} // namespace systole::control
