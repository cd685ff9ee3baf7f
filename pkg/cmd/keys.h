/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - the keys of configurations, from the tables that decode them, as JSON: for the lint, the
 * tests, and people.
 */
#pragma once

/*
 * cnic keys [PLUGIN]: prints {"plugin", "keys": [{"path", "type", "min", "max", "required"}]} for
 * the plugin, or a list of that for all of them, with those that every configuration has, and those
 * of prevResult. In a path 0 stands for every element of a list. Returns the exit status.
 */
int keys_run(int argc, char **argv);
