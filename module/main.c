// SPDX-License-Identifier: GPL-2.0-only
/*
 * phv: a para-hypervisor for Linux.
 *
 * What lives here: loading and unloading, and /dev/phv.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/uaccess.h>

#include <phv.h>

#include "domain.h"
#include "netlink.h"
#include "vcpu.h"
#include "vmx/run.h"
#include "vmx/vmx.h"

static int get_caps_ioctl(void __user *uarg)
{
	const struct phv_caps arg = {
		.version		= PHV_API_VERSION,
		.cpus			= num_online_cpus(),
		.features		= vmx_caps.features,
		.required		= vmx_required,
		.basic			= vmx_caps.basic,
		.feature_control	= vmx_caps.feature_control,
		.pin			= vmx_caps.pin,
		.proc			= vmx_caps.proc,
		.exit			= vmx_caps.exit,
		.entry			= vmx_caps.entry,
		.proc2			= vmx_caps.proc2,
		.proc3			= vmx_caps.proc3,
		.misc			= vmx_caps.misc,
		.ept_vpid		= vmx_caps.ept_vpid,
		.vmfunc			= vmx_caps.vmfunc,
		.cr0_fixed0		= vmx_caps.cr0_fixed0,
		.cr0_fixed1		= vmx_caps.cr0_fixed1,
		.cr4_fixed0		= vmx_caps.cr4_fixed0,
		.cr4_fixed1		= vmx_caps.cr4_fixed1,
	};

	return copy_to_user(uarg, &arg, sizeof(arg)) ? -EFAULT : 0;
}

static long phv_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case PHV_GET_CAPS:
		return get_caps_ioctl(uarg);
	case PHV_CREATE_DOMAIN:
		return domain_create_ioctl(uarg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations phv_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= phv_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice phv_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "phv",
	.fops	= &phv_fops,
	.mode	= 0660,
};

static int __init phv_init(void)
{
	int ret;

	vmcs_module_init();
	ret = vmx_cpu_init();
	if (ret)
		return ret;
	ret = lapic_module_init();
	if (ret)
		goto exit_cpu;
	vmx_run_module_init();
	preempt_notifier_inc();
	ret = netlink_init();
	if (ret)
		goto dec_notifier;
	ret = misc_register(&phv_device);
	if (ret)
		goto exit_netlink;
	return 0;

exit_netlink:
	netlink_exit();
dec_notifier:
	preempt_notifier_dec();
exit_cpu:
	vmx_cpu_exit();
	return ret;
}

static void __exit phv_exit(void)
{
	misc_deregister(&phv_device);
	netlink_exit();
	preempt_notifier_dec();
	vmx_cpu_exit();
}

module_init(phv_init);
module_exit(phv_exit);

MODULE_DESCRIPTION("phv: a para-hypervisor for Linux");
MODULE_VERSION("0.1");
MODULE_LICENSE("GPL");
