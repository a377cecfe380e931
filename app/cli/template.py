"""The files that `init` writes: every key with its default, and what the values mean."""

CONFIGURATION = """\
# The configuration of teamgauge. Every key may be left out; the value shown is then used.
# In the environment a key is called TEAMGAUGE_SECTION__KEY, for instance TEAMGAUGE_GITLAB__TOKEN.
# Secrets may also come as systemd credentials that are called as their keys are: gitlab.token.
# Paths are counted from this file's folder.

[database]
# Empty: a Postgres of our own below data_dir. Otherwise postgresql://user:password@host:5432/name
url = ""
# The same database for the web server and for collectors, as logins that may do less:
# docs/operations.md has how to make them. Empty: as url, that is as the owner of the tables.
web_url = ""
collect_url = ""
# Empty: your user data folder; /var/lib/teamgauge for root.
data_dir = ""

[reporting]
# Days and months begin at midnight in this time zone, an IANA name such as "Europe/Berlin".
timezone = "UTC"
# No indicator is computed before this day.
history_start = "2019-01-01"
fiscal_year_start_month = 2
# Days on which nobody is expected to answer, such as ["2026-12-25"].
holidays = []

[gitlab]
url = "https://gitlab.com"
# A token with the scope read_api; or token_file = "path", a file that holds nothing else.
token = ""
# The secret token of GitLab's webhooks to /webhooks/gitlab; or webhook_secret_file = "path".
# Empty: events are not taken, and nothing is missing.
webhook_secret = ""
# ca_file = "path" for a certificate authority of your own.
# Requests in flight at once, 1 to 64.
concurrency = 8
# Each group comes with all of its subgroups, and projects that appear later are picked up.
# Such as ["my-group"]; projects are single ones on top, such as ["other/project"].
groups = []
projects = []
# Merge requests count if their target project's path matches one of these globs.
product_scope = ["**"]
# Where handbook updates are merged: [{ project = "my-group/handbook", paths = ["**.md"] }]
handbook = []
community_label = "Community contribution"
# Usernames of bots on top of those that GitLab makes and flags itself, such as ["renovate-*"].
bots = []
exclude_drafts = false
# "all": one more request per merge request, and exact review starts for all history.
reviewer_rows = "open"

[community]
response_business_days = 2

[targets]
# A miss of at most this share of the target is "attention", beyond it is "problem".
tolerance = 0.2

[diversity]
# A column of people.csv.
attribute = "gender"
# Groups of fewer people are never shown; 5 or more.
minimum = 5
# Or "quarter".
every = "month"

[bamboohr]
# https://api.bamboohr.com/api/gateway.php/COMPANY, with the COMPANY of COMPANY.bamboohr.com.
url = ""
# Of a user who may see all employees; or api_key_file = "path", a file that holds nothing else.
api_key = ""
# A person's team: "department" or "division", by a team's name or slug; or "reports_to", by which
# every manager is a team with their direct reports.
team_from = "department"
# Accounts match by this field, else by work e-mail.
gitlab_username_field = "customGitLabUsername"
# Where the key may not see it, gender counts as not declared.
gender_field = "gender"

[greenhouse]
url = "https://harvest.greenhouse.io"
token_url = "https://auth.greenhouse.io/token"
# Of a Harvest v3 credential that may list openings, jobs, departments, offers and close reasons.
# Departments are the teams whose slug is their external_id, else those of the same name.
client_id = ""
# Or client_secret_file = "path", a file that holds nothing else.
client_secret = ""

[files]
# The organisation. An empty name: there is no such file.
teams = "teams.yaml"
people = "people.csv"
employment = "employment.csv"
memberships = "memberships.csv"
# What is wanted: headcount per month, places to be filled, and targets on top of the built-in ones.
plan = "plan.csv"
openings = "openings.csv"
targets = "targets.csv"

[server]
host = "127.0.0.1"
port = 8000
# One line in the log for each request, with its path and never its query.
access_log = false
# After SIGTERM requests are taken so long, while /readyz says no: for a load balancer to notice.
drain_seconds = 0
# Addresses or networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.
trusted_proxies = []

[auth]
# "none" serves this machine only; "oidc": people sign in at a provider of OpenID Connect.
mode = "none"
# The provider, such as "https://gitlab.com": /.well-known/openid-configuration is below it.
issuer = ""
# Of the application that was registered there, with the redirect address BASE_URL/sign-in/callback.
client_id = ""
# Or client_secret_file = "path", a file that holds nothing else.
client_secret = ""
# ca_file = "path" for a certificate authority of your own.
# Where people open teamgauge, such as "https://teamgauge.example.com".
base_url = ""
scopes = ["openid", "profile", "email"]
# The claim that lists somebody's groups; GitLab's is "groups_direct" or "groups".
groups_claim = "groups"
# The claim that is a username of the GitLab above, "nickname" if that is the provider. Empty: people
# are matched by their verified e-mail address alone.
username_claim = ""
# Who is more than a viewer. Users go by verified e-mail address or by their `sub`.
# grants = [
#   { role = "admin", groups = ["operators"], users = ["head@example.com"] },
#   { role = "director", groups = ["directors/platform"], teams = ["platform"] },
# ]
grants = []
# "viewer": whoever can sign in sees the values of all teams; "none": only who has a role.
everyone = "none"
# Who manages a team today, as the memberships say, is its manager here.
leaders = true
# What managers and directors see of other teams: "viewer" or "none".
other_teams = "viewer"
# Whether viewers also see the merge requests behind the values.
viewers_see_merge_requests = false
# A session ends after so long, and after so long without a request.
session_hours = 12
idle_minutes = 240
# How many days it is kept who did what.
audit_days = 400

[worker]
# Pieces of work that one `teamgauge worker` does at once, 1 to 64.
concurrency = 8
# When workers collect everything by themselves: five fields as in a crontab, in UTC, such as
# "*/5 * * * *". Empty: only what `teamgauge collect --queue` asks for.
collect_every = ""
# After so many seconds without a sign of life others do what a worker had begun.
silent_seconds = 30

[alerts]
# What a team's indicator that leaves or returns to its target, and stale data, are posted to as
# {"text": "…"}: Slack, Mattermost, or what understands them. Or webhook_url_file = "path".
webhook_url = ""
# Who is told by e-mail, such as ["head@example.com"], and from which address.
email_to = []
email_from = ""
smtp_host = ""
smtp_port = 587
# "tls" from the first byte on (mostly port 465), or "none" where no password is sent.
smtp_security = "starttls"
smtp_username = ""
# Or smtp_password_file = "path", a file that holds nothing else.
smtp_password = ""
# A source without a complete run for so long is stale.
stale_after_hours = 26
# Slugs of teams, and keys of indicators; empty: all of them. Diversity is never told.
teams = []
indicators = []
# Each team's report of a month by e-mail, once the month's data are complete: to its managers, or
# to these addresses instead.
monthly_report = false
monthly_report_to = []
"""

TEAMS = """\
# The teams. `owns` says which projects' merge requests are a team's own: ** crosses /, * does not.
# A team without `parent` is directly below the built-in root, organisation.
#
# - slug: development
#   name: Development
#
# - slug: backend
#   name: Backend
#   parent: development
#   owns: ["my-group/backend/**"]
"""

HEADERS = {
    "people.csv": "person_id,name,email,gitlab_username,gender",
    "employment.csv": "person_id,start_date,end_date,termination_type",
    "memberships.csv": "person_id,team,role,valid_from,valid_to",
    "plan.csv": "team,month,planned_headcount",
    "openings.csv": "opening_id,team,opened_on,target_start_on,closed_on,close_reason",
    "targets.csv": "team,indicator,valid_from,value",
}
