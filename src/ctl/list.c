/* All commands, in the order of the help. */
#include "ctl/cmd.h"

extern const struct cmd cmd_org_add, cmd_org_list, cmd_org_show;
extern const struct cmd cmd_source_add, cmd_source_list, cmd_source_test, cmd_source_poll;
extern const struct cmd cmd_post_list, cmd_post_show, cmd_post_withdraw;
extern const struct cmd cmd_follower_list;
extern const struct cmd cmd_queue_list, cmd_queue_retry;
extern const struct cmd cmd_record_verify;
extern const struct cmd cmd_setting_list, cmd_setting_set;
extern const struct cmd cmd_config_check;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_migrate;

const struct cmd *const cmds[] = {
	&cmd_org_add,
	&cmd_org_list,
	&cmd_org_show,
	&cmd_source_add,
	&cmd_source_list,
	&cmd_source_test,
	&cmd_source_poll,
	&cmd_post_list,
	&cmd_post_show,
	&cmd_post_withdraw,
	&cmd_follower_list,
	&cmd_queue_list,
	&cmd_queue_retry,
	&cmd_record_verify,
	&cmd_setting_list,
	&cmd_setting_set,
	&cmd_config_check,
	&cmd_doctor,
	&cmd_migrate,
};
const size_t n_cmds = ARRAY_LEN(cmds);
