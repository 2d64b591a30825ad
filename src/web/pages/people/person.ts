import { findPeople, findPersonView, type PersonView } from '../../../database/people/places.ts'
import { type Role, roleMay } from '../../../rules/permissions.ts'
import { Refusal } from '../../../rules/refusals.ts'
import { ROLE_WORDS } from '../../../rules/text/words.ts'
import { type App, actorFor, bearerOf, type WebContext } from '../../context.ts'
import { shownOrganisation, showPage } from '../../shown/page.ts'
import { stateTags } from '../../shown/people.ts'
import { shownTime, shownTimeOrNull } from '../../shown/times.ts'

type Move = { href: string; label: string; hint: string; danger: boolean }

function move(href: string, label: string, hint: string, danger = false): Move {
  return { href, label, hint, danger }
}

/** What can be done to somebody's place, by whoever looks after it; `query` names it to admins. */
function placeMoves(personId: string, role: Role, query: string): Move[] {
  const [role_, removal] = [`/people/${personId}/role${query}`, `/people/${personId}/removal${query}`]
  const moves = [
    move(role_, 'Change the role', 'It counts from their next click on.'),
    move(removal, 'Remove', 'Ends their sessions and API tokens there at once.', true),
  ]
  const pickUp = move(`/people/${personId}/pick-up`, 'Picking up keys', 'Whether they may have new keys shown.')
  return role === 'developer' && query === '' ? [pickUp, ...moves] : moves
}

async function showMember(c: WebContext, organisationId: string): Promise<Response> {
  const people = await findPeople(c.get('desk').db, organisationId)
  const person = people.find(({ personId }) => personId === c.req.param('id'))
  if (person === undefined) throw new Refusal('NOT_FOUND')
  const { personId, name, email, role } = person
  return showPage(c, 'person', {
    title: name,
    back: { href: '/people', label: 'People' },
    name,
    email,
    tags: stateTags(person),
    secondFactor: person.secondFactor,
    // What they do in other organisations is nobody's business here.
    ofStaff: false,
    codeGivenAt: null,
    places: [{ organisation: null, roleWord: ROLE_WORDS[role], moves: placeMoves(personId, role, '') }],
    accountMoves: [],
    changes: [],
  })
}

function accountMoves({ personId, lockedAt, disabledAt }: PersonView): Move[] {
  const at = `/people/${personId}`
  return [
    ...(lockedAt === null ? [] : [move(`${at}/unlocking`, 'Unlock the account', 'Too many wrong codes locked it.')]),
    disabledAt === null
      ? move(`${at}/disabling`, 'Disable the account', 'Nobody signs in with it any more.', true)
      : move(`${at}/enabling`, 'Enable the account', 'They sign in as before.'),
  ]
}

function recoveryMove(personId: string, organisationId: string | null): Move {
  const where = organisationId === null ? '' : `&organisation=${organisationId}`
  const href = `/desk/recovery/new?kind=lost_access&person=${personId}${where}`
  return move(href, 'Recover lost access', 'When password or code device are lost.')
}

function placesOf(person: PersonView, manages: boolean) {
  const { personId, staffRole } = person
  const staff = staffRole === null ? [] : [{ organisationId: null, organisation: null, role: staffRole }]
  return [...staff, ...person.memberships].map(({ organisationId, organisation, role }) => ({
    organisation:
      organisationId === null
        ? null
        : { ...shownOrganisation(organisationId, organisation ?? ''), href: `/organisations/${organisationId}` },
    roleWord: ROLE_WORDS[role],
    moves: [
      ...(person.disabledAt === null ? [recoveryMove(personId, organisationId)] : []),
      ...(manages ? placeMoves(personId, role, organisationId === null ? '' : `?organisation=${organisationId}`) : []),
    ],
  }))
}

function changesOf(person: PersonView, timeZone: string) {
  const changes = [
    ['Password changed', person.passwordChangedAt],
    ['Code device changed', person.codeChangedAt],
    ['Email address changed', person.emailChangedAt],
    ['Locked', person.lockedAt],
    ['Disabled', person.disabledAt],
  ] as const
  return changes.flatMap(([label, at]) => (at === null ? [] : [{ label, at: shownTime(at, timeZone) }]))
}

async function showToStaff(c: WebContext, role: Role): Promise<Response> {
  const { timeZone } = bearerOf(c)
  const person = await findPersonView(c.get('desk').db, c.req.param('id') ?? '')
  if (person === undefined) throw new Refusal('NOT_FOUND')
  const manages = roleMay(role, 'staff.manage')
  return showPage(c, 'person', {
    title: person.name,
    back:
      manages && person.staffRole !== null
        ? { href: '/people', label: 'Staff' }
        : { href: '/organisations', label: 'Organisations' },
    name: person.name,
    email: person.email,
    tags: stateTags(person),
    secondFactor: person.secondFactor,
    ofStaff: true,
    codeGivenAt: shownTimeOrNull(person.codeGivenAt, timeZone),
    places: placesOf(person, manages),
    accountMoves: manages ? accountMoves(person) : [],
    changes: changesOf(person, timeZone),
  })
}

/** A member for the owners of their organisation; anybody for the staff. Never a secret. */
export function addPerson(app: App): void {
  app.get('/people/:id{per_[0-9a-z]+}', (c) => {
    const { organisationId, role } = actorFor(c, 'people.view')
    return organisationId === null ? showToStaff(c, role) : showMember(c, organisationId)
  })
}
