/** What makes the desk propose a rotation: somebody who may have seen keys, whose account changed or who went. */
export const PROPOSAL_CAUSES = ['password_changed', 'member_removed', 'role_changed', 'account_disabled'] as const
export type ProposalCause = (typeof PROPOSAL_CAUSES)[number]
