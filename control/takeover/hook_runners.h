// SPDX-License-Identifier: BSD-3-Clause
// Copyright(c) 2026 The Systole authors
//
// A hook runner for each virtual cluster: their roles change independently of each other, and so do their hooks.
#pragma once

#include "control/takeover/hooks.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace systole::control {

class HookRunners {
public:
	HookRunners(std::string instance, HookRunner::Done done, SpawnHook spawn = {})
	    : m_instance(std::move(instance)), m_done(std::move(done)), m_spawn(std::move(spawn))
	{
	}

	void run(HookCall call, core::Time now)
	{
		m_runners.try_emplace(call.vcluster, m_instance, m_done, m_spawn)
			.first->second.run(std::move(call), now);
	}
	// Never blocks; call it every few milliseconds while busy().
	void poll(core::Time now)
	{
		for (auto &[vcluster, runner] : m_runners)
			runner.poll(now);
	}
	void stop(core::Time now)
	{
		for (auto &[vcluster, runner] : m_runners)
			runner.stop(now);
	}
	[[nodiscard]] bool busy() const
	{
		return std::any_of(m_runners.begin(), m_runners.end(),
				   [](const auto &one) { return one.second.busy(); });
	}

private:
	std::string m_instance;
	HookRunner::Done m_done;
	SpawnHook m_spawn;
	std::map<unsigned, HookRunner> m_runners; // by virtual cluster, from its first hook on
};

} // namespace systole::control
