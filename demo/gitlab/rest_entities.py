"""REST's JSON for each kind of record, with the fields of GitLab's published entities."""

from datetime import datetime
from typing import Any

from demo.gitlab.records import (
    Group,
    Label,
    MergeRequest,
    Note,
    Project,
    ReviewerRow,
    StateEvent,
    User,
)
from demo.gitlab.resolvers import merge_request_path, user_notes_count
from demo.gitlab.times import rest_time

Json = dict[str, Any]


class Entities:
    """Writes records as JSON. url: the beginning of every address in it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def user(self, user: User) -> Json:
        """A user as lists and other records show it."""
        return {
            "id": user.id,
            "username": user.username,
            "public_email": user.public_email,
            "name": user.name,
            "state": user.state,
            "locked": False,
            "avatar_url": f"{self.url}/uploads/-/system/user/avatar/{user.id}/avatar.png",
            "web_url": f"{self.url}/{user.username}",
        }

    def user_in_full(self, user: User) -> Json:
        """A user asked for by id; only here is the bot flag."""
        return {
            **self.user(user),
            "created_at": rest_time(user.created_at),
            "bio": "",
            "location": "",
            "linkedin": "",
            "twitter": "",
            "discord": "",
            "website_url": "",
            "organization": "",
            "job_title": "",
            "pronouns": None,
            "bot": user.bot,
            "work_information": None,
            "local_time": None,
            "followers": 0,
            "following": 0,
            "is_followed": False,
        }

    def member(self, user: User, access_level: int) -> Json:
        """A member of a group or project."""
        return {
            **self.user(user),
            "access_level": access_level,
            "created_at": rest_time(user.created_at),
            "expires_at": None,
            "membership_state": "active",
        }

    def group(self, group: Group) -> Json:
        """A group."""
        return {
            "id": group.id,
            "web_url": f"{self.url}/groups/{group.full_path}",
            "name": group.name,
            "path": group.path,
            "description": "",
            "visibility": group.visibility,
            "request_access_enabled": True,
            "avatar_url": None,
            "full_name": group.full_name,
            "full_path": group.full_path,
            "created_at": rest_time(group.created_at),
            "parent_id": group.parent.id if group.parent else None,
            "archived": False,
            "marked_for_deletion_on": None,
        }

    def project(self, project: Project, last_activity_at: datetime) -> Json:
        """A project."""
        here = f"{self.url}/api/v4/projects/{project.id}"
        return {
            "id": project.id,
            "description": None,
            "name": project.name,
            "name_with_namespace": f"{project.group.full_name} / {project.name}",
            "path": project.path,
            "path_with_namespace": project.full_path,
            "created_at": rest_time(project.created_at),
            "default_branch": project.default_branch,
            "tag_list": [],
            "topics": [],
            "ssh_url_to_repo": f"git@gitlab.example.com:{project.full_path}.git",
            "http_url_to_repo": f"{self.url}/{project.full_path}.git",
            "web_url": f"{self.url}/{project.full_path}",
            "avatar_url": None,
            "forks_count": 0,
            "star_count": 0,
            "last_activity_at": rest_time(last_activity_at),
            "visibility": project.visibility,
            "namespace": {
                "id": project.group.id,
                "name": project.group.name,
                "path": project.group.path,
                "kind": "group",
                "full_path": project.group.full_path,
                "parent_id": project.group.parent.id if project.group.parent else None,
                "avatar_url": None,
                "web_url": f"{self.url}/groups/{project.group.full_path}",
            },
            "_links": {
                "self": here,
                "merge_requests": f"{here}/merge_requests",
                "members": f"{here}/members",
            },
            "archived": project.archived,
            "merge_requests_enabled": True,
            "merge_requests_access_level": "enabled",
            "empty_repo": False,
        }

    def label(self, label: Label) -> Json:
        """A label as `with_labels_details` shows it."""
        return {
            "id": label.id,
            "name": label.title,
            "color": label.color,
            "description": None,
            "description_html": "",
            "text_color": "#FFFFFF",
            "remove_on_close": False,
        }

    def merge_request_simple(self, merge_request: MergeRequest) -> Json:
        """A merge request as `view=simple` shows it."""
        return {
            "id": merge_request.id,
            "iid": merge_request.iid,
            "project_id": merge_request.project.id,
            "title": merge_request.title,
            "description": merge_request.description,
            "state": merge_request.state,
            "created_at": rest_time(merge_request.created_at),
            "updated_at": rest_time(merge_request.updated_at),
            "web_url": f"{self.url}/{merge_request_path(merge_request)}",
        }

    def merge_request(self, merge_request: MergeRequest, *, labels_details: bool = False) -> Json:
        """A merge request as lists show it."""
        merged_by = self._optional(merge_request.merge_user)
        short = f"!{merge_request.iid}"
        assignees = [self.user(user) for user in merge_request.assignees]
        merged = merge_request.state == "merged"
        return {
            **self.merge_request_simple(merge_request),
            "merged_by": merged_by,
            "merge_user": merged_by,
            "merged_at": rest_time(merge_request.merged_at),
            "merge_after": None,
            "closed_by": self._optional(merge_request.closed_by),
            "closed_at": rest_time(merge_request.closed_at),
            "target_branch": merge_request.target_branch,
            "source_branch": merge_request.source_branch,
            "user_notes_count": user_notes_count(merge_request),
            "upvotes": 0,
            "downvotes": 0,
            "author": self.user(merge_request.author),
            "assignees": assignees,
            "assignee": assignees[0] if assignees else None,
            "reviewers": [self.user(row.user) for row in merge_request.reviewers],
            "source_project_id": merge_request.project.id,
            "target_project_id": merge_request.project.id,
            "labels": [
                self.label(label) if labels_details else label.title
                for label in merge_request.labels
            ],
            "draft": merge_request.draft,
            "imported": False,
            "imported_from": "none",
            "work_in_progress": merge_request.draft,
            "milestone": None,
            "merge_when_pipeline_succeeds": False,
            "merge_status": "can_be_merged",
            "detailed_merge_status": "mergeable" if merge_request.open else "not_open",
            "sha": f"{merge_request.id + (1 << 100):040x}",
            "merge_commit_sha": f"{merge_request.id:040x}" if merged else None,
            "squash_commit_sha": None,
            "discussion_locked": None,
            "should_remove_source_branch": None,
            "force_remove_source_branch": True,
            "prepared_at": rest_time(merge_request.prepared_at),
            "allow_collaboration": False,
            "allow_maintainer_to_push": False,
            "reference": short,
            "references": {
                "short": short,
                "relative": short,
                "full": f"{merge_request.project.full_path}{short}",
            },
            "time_stats": {
                "time_estimate": 0,
                "total_time_spent": 0,
                "human_time_estimate": None,
                "human_total_time_spent": None,
            },
            "squash": False,
            "squash_on_merge": False,
            "task_completion_status": {"count": 0, "completed_count": 0},
            "has_conflicts": False,
            "blocking_discussions_resolved": True,
            "approvals_before_merge": None,
        }

    def merge_request_in_full(self, merge_request: MergeRequest) -> Json:
        """A merge request asked for by its number."""
        sha = f"{merge_request.id + (1 << 100):040x}"
        return {
            **self.merge_request(merge_request),
            "subscribed": False,
            "changes_count": str(max(len(merge_request.paths), 1)),
            "latest_build_started_at": None,
            "latest_build_finished_at": None,
            "first_deployed_to_production_at": None,
            "pipeline": None,
            "head_pipeline": None,
            "diff_refs": {"base_sha": "0" * 40, "head_sha": sha, "start_sha": "0" * 40},
            "merge_error": None,
            "first_contribution": False,
            "user": {"can_merge": False},
        }

    def note(self, note: Note, merge_request: MergeRequest) -> Json:
        """A note of a merge request."""
        return {
            "id": note.id,
            "type": None,
            "body": note.body,
            "attachment": None,
            "author": self.user(note.author),
            "created_at": rest_time(note.created_at),
            "updated_at": rest_time(note.updated_at),
            "system": note.system,
            "noteable_id": merge_request.id,
            "noteable_type": "MergeRequest",
            "resolvable": False,
            "confidential": False,
            "internal": False,
            "noteable_iid": merge_request.iid,
            "commands_changes": {},
        }

    def discussion(self, note: Note, merge_request: MergeRequest) -> Json:
        """A note as the discussion that it is alone."""
        return {
            "id": f"{note.id:040x}",
            "individual_note": True,
            "notes": [self.note(note, merge_request)],
        }

    def reviewer(self, row: ReviewerRow) -> Json:
        """A reviewer row."""
        return {
            "user": self.user(row.user),
            "state": row.state,
            "created_at": rest_time(row.created_at),
        }

    def approvals(self, merge_request: MergeRequest) -> Json:
        """Who approved; no approval is required anywhere."""
        return {
            **self.merge_request_simple(merge_request),
            "merge_status": "can_be_merged",
            "approved": True,
            "approvals_required": 0,
            "approvals_left": 0,
            "require_password_to_approve": False,
            "approved_by": [{"user": self.user(user)} for user in merge_request.approved_by],
            "suggested_approvers": [],
            "user_has_approved": False,
            "user_can_approve": False,
        }

    def state_event(self, event: StateEvent, merge_request: MergeRequest) -> Json:
        """A resource state event."""
        return {
            "id": event.id,
            "user": self.user(event.user),
            "created_at": rest_time(event.created_at),
            "resource_type": "MergeRequest",
            "resource_id": merge_request.id,
            "source_commit": None,
            "source_merge_request_id": None,
            "state": event.state,
        }

    def diff(self, path: str) -> Json:
        """A changed file; its text is not kept."""
        return {
            "old_path": path,
            "new_path": path,
            "a_mode": "100644",
            "b_mode": "100644",
            "diff": "",
            "new_file": False,
            "renamed_file": False,
            "deleted_file": False,
            "generated_file": False,
        }

    def _optional(self, user: User | None) -> Json | None:
        return None if user is None else self.user(user)
