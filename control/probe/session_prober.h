// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// What probes that open a connection each share: a session a probe, closed when the probe is over. A session that is
// closed says nothing more; handlers still under way keep its memory, not its voice.
#pragma once

#include "control/probe/prober.h"

#include <chrono>
#include <map>
#include <utility>

namespace systole::control {

class ProbeSession {
public:
	using Ended = std::function<void(std::optional<std::chrono::nanoseconds>, std::string_view error)>;
	explicit ProbeSession(Ended ended) : m_ended(std::move(ended)) {}
	virtual ~ProbeSession() = default;
	ProbeSession(const ProbeSession &) = delete;
	ProbeSession &operator=(const ProbeSession &) = delete;

	virtual void start() = 0;
	void close()
	{
		m_ended = nullptr;
		close_socket();
	}
	[[nodiscard]] std::string_view stage() const { return m_stage; } // "still connecting"

protected:
	virtual void close_socket() = 0;
	void enter(std::string_view stage) { m_stage = stage; }
	[[nodiscard]] bool is_over() const { return !m_ended; }
	void succeed() { end(std::chrono::steady_clock::now() - m_began, {}); }
	void fail(std::string_view error) { end(std::nullopt, error); }

private:
	void end(std::optional<std::chrono::nanoseconds> round_trip, std::string_view error)
	{
		if (const Ended ended = std::exchange(m_ended, nullptr))
			ended(round_trip, error);
	}

	Ended m_ended;
	std::string_view m_stage;
	std::chrono::steady_clock::time_point m_began = std::chrono::steady_clock::now();
};

class SessionProber final : public Prober {
public:
	using Maker = std::function<std::shared_ptr<ProbeSession>(std::uint64_t sequence, ProbeSession::Ended)>;
	SessionProber(Maker maker, ProbeDone done) : m_maker(std::move(maker)), m_done(std::move(done)) {}
	~SessionProber() override
	{
		for (auto &[sequence, session] : m_sessions)
			session->close();
	}
	SessionProber(const SessionProber &) = delete;
	SessionProber &operator=(const SessionProber &) = delete;

	void send(std::uint64_t sequence) override
	{
		auto session = m_maker(sequence, [this, sequence](auto round_trip, std::string_view error) {
			const auto keep = std::move(m_sessions.extract(sequence));
			keep.mapped()->close();
			m_done(sequence, round_trip, error);
		});
		m_sessions.emplace(sequence, session);
		session->start();
	}
	std::string expire(std::uint64_t sequence) override
	{
		const auto found = m_sessions.extract(sequence);
		if (found.empty())
			return {};
		found.mapped()->close();
		return std::string(found.mapped()->stage());
	}

private:
	Maker m_maker;
	ProbeDone m_done;
	std::map<std::uint64_t, std::shared_ptr<ProbeSession>> m_sessions;
};

} // namespace systole::control
